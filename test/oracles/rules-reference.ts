import type { TriggerRule } from '@dagbook/domain';
import type { DagRunRow, OracleInstance, OracleTask } from './dagrun-row.ts';

/**
 * The rules told a second time, naively: what a task instance may have come to, given how its upstream ended. A rule may
 * have judged while only some of them had finished, so each subset of them is asked; that is why a row may have several
 * right ends.
 */
export function allowedEnds(row: DagRunRow, ends: readonly OracleInstance[]): (OracleInstance & { readonly allowed: readonly string[] })[] {
  const tasks = new Map(row.dag.tasks.map((task) => [task.id, task]));
  return ends.flatMap((end) => {
    const task = tasks.get(end.task);
    return task === undefined ? [] : [{ ...end, allowed: allowedOf(task, end, tasks, ends) }];
  });
}

type Verdict = 'wait' | 'run' | 'skipped' | 'upstream_failed';
interface Upstream { readonly states: readonly (string | null)[]; readonly setups: readonly (string | null)[] }

function allowedOf(task: OracleTask, end: OracleInstance, tasks: ReadonlyMap<string, OracleTask>, ends: readonly OracleInstance[]): string[] {
  const ran = task.kind === 'mapped' && end.mapIndex === -1 ? ['skipped'] : ['success', 'failed', 'skipped'];
  const skipped = skippersOf(task, tasks, ends) ? ['skipped'] : [];
  const upstream = ends.filter((other) => task.upstream.includes(other.task));
  const verdicts = new Set<Verdict>();
  for (const states of histories(upstream, tasks, ends)) {
    const setups = states.filter((_, index) => tasks.get(upstream[index]?.task ?? '')?.kind === 'setup');
    verdicts.add(judge(task.triggerRule, { states, setups }));
  }
  if (task.over !== undefined) verdicts.add(sourceVerdict(task.over, ends));
  return [...new Set([...skipped, ...indirectSetups(task, tasks, ends), ...[...verdicts].flatMap((verdict) => (verdict === 'run' ? ran : verdict === 'wait' ? [] : [verdict]))])];
}

/** Every way in which the upstream may have looked when the rule judged: each unfinished yet, or ended; and skipped perhaps only after it had been upstream_failed. */
function histories(upstream: readonly OracleInstance[], tasks: ReadonlyMap<string, OracleTask>, ends: readonly OracleInstance[]): (string | null)[][] {
  return upstream.reduce<(string | null)[][]>((found, instance) => {
    const task = tasks.get(instance.task);
    const overwritten = instance.state === 'skipped' && task !== undefined && skippersOf(task, tasks, ends);
    const looks = [null, instance.state, ...(overwritten ? ['upstream_failed'] : [])];
    return found.flatMap((states) => looks.map((look) => [...states, look]));
  }, [[]]);
}

function sourceVerdict(source: string, ends: readonly OracleInstance[]): Verdict {
  const state = ends.find(({ task }) => task === source)?.state;
  return state === 'skipped' ? 'skipped' : state === 'failed' || state === 'upstream_failed' ? 'upstream_failed' : 'wait';
}

/** A branch or a short circuit that may have skipped the task. */
function skippersOf(task: OracleTask, tasks: ReadonlyMap<string, OracleTask>, ends: readonly OracleInstance[]): boolean {
  return [...tasks.values()].some((skipper) => {
    if (!ends.some((end) => end.task === skipper.id && end.state === 'success')) return false;
    if (skipper.kind === 'branch') return task.upstream.includes(skipper.id) && skipper.chooses?.includes(task.id) === false;
    if (skipper.kind !== 'shortCircuit' || skipper.passes !== false) return false;
    return skipper.ignoreDownstreamTriggerRules === false ? task.upstream.includes(skipper.id) : isBelow(task, skipper.id, tasks);
  });
}

const isBelow = (task: OracleTask, id: string, tasks: ReadonlyMap<string, OracleTask>): boolean =>
  task.upstream.some((other) => { const above = tasks.get(other); return other === id || (above !== undefined && isBelow(above, id, tasks)); });

function indirectSetups(task: OracleTask, tasks: ReadonlyMap<string, OracleTask>, ends: readonly OracleInstance[]): string[] {
  const bound = [...tasks.values()].filter(({ kind, id }) => kind === 'setup' && !task.upstream.includes(id) && isBelow(task, id, tasks));
  return bound.flatMap(({ id }) => {
    const verdict = sourceVerdict(id, ends);
    return verdict === 'wait' ? [] : [verdict];
  });
}

function judge(rule: TriggerRule, { states, setups }: Upstream): Verdict {
  if (states.length === 0) return 'run';
  const has = (...wanted: string[]): boolean => states.some((state) => state !== null && wanted.includes(state));
  const all = (...wanted: string[]): boolean => states.every((state) => state !== null && wanted.includes(state));
  const done = states.every((state) => state !== null);
  switch (rule) {
    case 'all_success': return has('failed', 'upstream_failed') ? 'upstream_failed' : has('skipped') ? 'skipped' : all('success') ? 'run' : 'wait';
    case 'all_failed': return has('success', 'skipped') ? 'skipped' : done ? 'run' : 'wait';
    case 'all_done': return done ? 'run' : 'wait';
    case 'all_done_min_one_success': return has('skipped') ? 'skipped' : !done ? 'wait' : has('success') ? 'run' : 'upstream_failed';
    case 'all_done_setup_success':
      return !done ? 'wait' : setups.length === 0 || setups.includes('success') ? 'run' : setups.every((state) => state === 'skipped') ? 'skipped' : 'upstream_failed';
    case 'one_success': return has('success') ? 'run' : !done ? 'wait' : all('skipped') ? 'skipped' : 'upstream_failed';
    case 'one_failed': return has('failed', 'upstream_failed') ? 'run' : done ? 'skipped' : 'wait';
    case 'one_done': return has('success', 'failed') ? 'run' : done ? 'skipped' : 'wait';
    case 'none_failed': return has('failed', 'upstream_failed') ? 'upstream_failed' : done ? 'run' : 'wait';
    case 'none_failed_min_one_success': return has('failed', 'upstream_failed') ? 'upstream_failed' : all('skipped') ? 'skipped' : done ? 'run' : 'wait';
    case 'none_skipped': return has('skipped') ? 'skipped' : done ? 'run' : 'wait';
    case 'all_skipped': return has('success', 'failed', 'upstream_failed') ? 'skipped' : done ? 'run' : 'wait';
    case 'always': return 'run';
  }
}
