/** Would reach into the runner itself, or is a client's own secret. */
const NEVER_PASSED = /^(NODE_OPTIONS|NODE_V8_COVERAGE|NODE_CHANNEL_FD|VITEST.*|PG(PASSWORD|PASSFILE|SERVICE.*))$/;

/** By which containers of one installation are told from those of another on the same engine. */
const ALWAYS_PASSED = 'DAGBOOK_CLUSTER';

/**
 * The environment of runner children: the worker's own, as Airflow's tasks have it, without anything of Dagbook's but
 * what `passed` names. Tasks read connections and variables through their context, never from here.
 */
export function childEnvironment(env: Readonly<Record<string, string | undefined>>, passed: readonly string[]): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || NEVER_PASSED.test(name)) continue;
    if (name.startsWith('DAGBOOK_') && name !== ALWAYS_PASSED && !passed.includes(name)) continue;
    kept[name] = value;
  }
  return kept;
}
