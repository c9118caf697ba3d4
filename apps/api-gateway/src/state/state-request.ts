import type { PipeTransform } from '@nestjs/common';
import { HIDDEN, isSensitiveName, type Json, problemText, type StateStorePolicy, stateKeyProblem, stateSizeVerdict, stateValueText, withoutSecrets } from '@dagbook/domain';
import { invalid } from '../error/api-error.ts';

/** The key in a path. */
export const pathStateKey: PipeTransform<string, string> = {
  transform: (key) => {
    const wrong = stateKeyProblem(key);
    if (wrong === undefined) return key;
    throw invalid([{ type: 'value_error', loc: ['path', 'key'], msg: `Value error, ${problemText(wrong)}`, input: key }]);
  },
};

/** What a person keeps, as JSON text; refused above the size that the site allows. */
export function textIn(value: Json, policy: StateStorePolicy): string {
  const refuse = (why: string): never => {
    throw invalid([{ type: 'value_error', loc: ['body', 'value'], msg: `Value error, ${why}` }]);
  };
  if (value === null) return refuse('value cannot be null');
  const text = stateValueText(value);
  if (typeof text !== 'string') return refuse(problemText(text));
  const { kind, message = '' } = stateSizeVerdict(Buffer.byteLength(text), 'api', policy);
  return kind === 'kept' ? text : refuse(message);
}

/** As results are shown: what stands under a sensitive name is nobody's to read here. */
export const shownState = (key: string, value: Json): Json => (isSensitiveName(key) ? HIDDEN : withoutSecrets(value));

const KEY_IN_PATH = /^(\/api\/v2\/(?:dags\/[^/?]+\/dagRuns\/[^/?]+\/taskInstances\/[^/?]+|assets\/[^/?]+)\/state-store\/)([^?]+)/;

/** A key may hold slashes, and Airflow's clients write them as they are: here they become part of one segment. */
export const withKeyInOneSegment = (url: string): string => (url.includes('/state-store/') ? url.replace(KEY_IN_PATH, (_, path: string, key: string) => path + key.replaceAll('/', '%2F')) : url);
