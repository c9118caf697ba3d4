import { reject } from '../decider.ts';
import type { Rejected } from '../decider.ts';
import { canonicalJson } from '../json.ts';
import type { Json } from '../json.ts';

/** An event may be 64 KB, and conf stands in it twice: as it came and in the params. */
const MAX_CONF_LENGTH = 24_000;
/** Deeper JSON is a mistake, or meant to exhaust a stack. */
const MAX_CONF_DEPTH = 50;

/** Why this cannot be the conf of a run, `called` so where it was given; undefined: it can. */
export function refusesConf(conf: Json, called: string): Rejected | undefined {
  if (conf === null || typeof conf !== 'object' || Array.isArray(conf)) {
    return reject('invalid_conf', `${called} is ${conf === null ? 'null' : Array.isArray(conf) ? 'a list' : `a ${typeof conf}`}; it must be an object, for example {"day": "2026-01-05"}.`);
  }
  if (isDeeperThan(conf, MAX_CONF_DEPTH)) return reject('conf_too_deep', `${called} is nested more than ${MAX_CONF_DEPTH} levels deep. Flatten it, or pass a reference to the data instead.`);
  const { length } = canonicalJson(conf);
  if (length > MAX_CONF_LENGTH) return reject('conf_too_large', `${called} is ${length} characters of JSON; the limit is ${MAX_CONF_LENGTH}. Pass a reference to the data instead.`);
  return undefined;
}

function isDeeperThan(value: Json, limit: number): boolean {
  let level: Json[] = [value];
  for (let depth = 0; depth <= limit; depth += 1) {
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? (Object.values(item) as Json[]) : []));
    if (level.length === 0) return false;
  }
  return true;
}
