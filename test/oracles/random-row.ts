import type { TriggerRule } from '@dagbook/domain';
import type { DagRunRow, Deed, OracleTask } from './dagrun-row.ts';

const RULES: readonly TriggerRule[] = [
  'all_success', 'all_failed', 'all_done', 'all_done_min_one_success', 'one_success', 'one_failed', 'one_done', 'none_failed',
  'none_failed_min_one_success', 'none_skipped', 'all_skipped', 'always',
];
const DEEDS: readonly Deed[] = ['success', 'success', 'success', 'success', 'fail', 'skip', 'failOnce', 'failNoRetry'];
const ITEM_DEEDS: readonly Deed[] = ['success', 'success', 'fail', 'skip'];

/** A DAG of the kind that `dagruns.jsonl` holds, of up to `size` tasks, for properties: what becomes of it is not known. */
export function randomDag(size: number, random: (below: number) => number): DagRunRow['dag'] {
  const pick = <T>(of: readonly T[]): T => of[random(of.length)] as T;
  const tasks: OracleTask[] = [];
  for (let index = 0; index < size; index += 1) {
    const id = `t${index}`;
    const before = tasks.map((task) => task.id);
    const upstream = [...new Set(before.filter(() => random(before.length) < 2))];
    const plain = { id, upstream, retries: random(2), triggerRule: random(2) === 0 ? 'all_success' as const : pick(RULES) };
    switch (random(8)) {
      case 0: tasks.push({ ...plain, kind: 'branch', does: pick(DEEDS), chooses: [] }); break;
      case 1: tasks.push({ ...plain, kind: 'shortCircuit', does: 'success', passes: random(2) === 0, ignoreDownstreamTriggerRules: random(2) === 0 }); break;
      case 2: tasks.push({ ...plain, kind: 'mapped', does: 'mapped', triggerRule: plain.triggerRule === 'always' ? 'all_done' : plain.triggerRule, items: Array.from({ length: random(4) }, () => pick(ITEM_DEEDS)) }); break;
      case 3: {
        const source = tasks.find(({ kind, returns }) => kind === 'task' && returns !== undefined);
        if (source?.returns !== undefined) {
          tasks.push({ ...plain, kind: 'mapped', does: 'mapped', triggerRule: 'all_success', over: source.id, items: source.returns, upstream: [...new Set([...upstream, source.id])] });
          break;
        }
        tasks.push({ ...plain, kind: 'task', does: pick(DEEDS), returns: Array.from({ length: random(4) }, () => pick(ITEM_DEEDS)) });
        break;
      }
      default: tasks.push({ ...plain, kind: 'task', does: pick(DEEDS) });
    }
  }
  const work = tasks.filter(({ upstream }) => upstream.length > 0);
  if (random(3) === 0 && work.length > 0) {
    const inside = pick(work);
    const at = tasks.indexOf(inside);
    tasks.splice(at, 1, { ...inside, upstream: [...inside.upstream, 'setup'] });
    tasks.unshift({ id: 'setup', kind: 'setup', upstream: [], triggerRule: 'all_success', retries: 0, does: pick(['success', 'success', 'fail', 'skip']) });
    tasks.push({ id: 'teardown', kind: 'teardown', setup: 'setup', upstream: ['setup', inside.id], triggerRule: 'all_done_setup_success', retries: 0, does: pick(['success', 'fail']), onFailureFailDagrun: random(2) === 0 });
  }
  return { tasks: tasks.map((task) => (task.kind === 'branch' ? { ...task, chooses: below(tasks, task.id).filter(() => random(2) === 0) } : task)) };
}

const below = (tasks: readonly OracleTask[], id: string): string[] => tasks.filter(({ upstream }) => upstream.includes(id)).map((task) => task.id);
