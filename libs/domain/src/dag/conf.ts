import { reject } from '../decider.ts';
import type { Rejected } from '../decider.ts';
import { canonicalJson } from '../json.ts';
import type { Json } from '../json.ts';

/** An event may be 64 KB, and conf stands in it twice: as it came and in the params. */
const MAX_CONF_LENGTH = 24_000;
/** Deeper JSON is a mistake, or meant to exhaust a stack. */
const MAX_CONF_DEPTH = 50;

/** The escape of a character that is none, behind an even number of backslashes. */
const UNWRITABLE = /(?<!\\)(?:\\\\)*\\u(0000|d[89a-f][0-9a-f]{2})/;

/** Why this cannot be the conf of a run, `called` so where it was given; undefined: it can. */
export function refusesConf(conf: Json, called: string): Rejected | undefined {
  if (conf === null || typeof conf !== 'object' || Array.isArray(conf)) {
    return reject('invalid_conf', `${called} is ${conf === null ? 'null' : Array.isArray(conf) ? 'a list' : `a ${typeof conf}`}; it must be an object, for example {"day": "2026-01-05"}.`);
  }
  if (isDeeperThan(conf, MAX_CONF_DEPTH)) return reject('conf_too_deep', `${called} is nested more than ${MAX_CONF_DEPTH} levels deep. Flatten it, or pass a reference to the data instead.`);
  const text = canonicalJson(conf);
  const { length } = text;
  if (length > MAX_CONF_LENGTH) return reject('conf_too_large', `${called} is ${length} characters of JSON; the limit is ${MAX_CONF_LENGTH}. Pass a reference to the data instead.`);
  const unwritable = UNWRITABLE.exec(text)?.[1];
  if (unwritable !== undefined) return reject('invalid_conf', `${called} holds ${unwritable === '0000' ? 'the character U+0000' : 'half of a surrogate pair'} in a name or a text, which no database keeps. Leave it out, or encode it, for example as base64.`);
  return undefined;
}

/** Without recursion, so that it can be asked of anything. */
export function isDeeperThan(value: Json, limit: number): boolean {
  let level: Json[] = [value];
  for (let depth = 0; depth <= limit; depth += 1) {
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? (Object.values(item) as Json[]) : []));
    if (level.length === 0) return false;
  }
  return true;
}
