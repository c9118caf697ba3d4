import { isLiteral, mapLength } from './mapping.ts';
import type { DagRun, TaskInstance, TaskSlot } from './state.ts';
import { judgeIndirectSetups, judgeRule, type UpstreamCounts, type Verdict } from './trigger-rule.ts';

/** `expand`: learn the length first. `skip`: a branch or a short circuit says so. */
export type Judgement = Verdict | 'expand' | 'skip';

/**
 * What the states of the others say must become of a task instance that waits in `none`. Reads counters only, so it
 * costs the same whatever the size of the DAG; it is the one answer for the frontier, the decider and `explain`.
 */
export function judge(run: DagRun, instance: TaskInstance): Judgement {
  const { slot } = instance;
  if (skippersOf(instance).length > 0) return 'skip';
  const { mapping, mappedGroup, mapSources } = slot.plan;
  if (mapping === undefined) return judgeUpstream(instance);

  const sources = judgeMapSources(run, slot);
  if (sources === 'upstream_failed' || sources === 'skipped') return sources;
  const expanded = slot.length !== null;
  if (!expanded && mappedGroup !== undefined) return sources === 'run' ? 'expand' : 'wait';
  if (!expanded && isLiteral(mapSources) && mapLength(run.plan, run.slots, mapping) !== 0) return 'expand';
  const verdict = judgeUpstream(instance);
  if (verdict !== 'run') return verdict;
  return sources !== 'run' ? 'wait' : expanded ? 'run' : 'expand';
}

export const skippersOf = (instance: TaskInstance): readonly TaskInstance[] =>
  instance.own !== null && instance.own.skippers.length > 0 ? instance.own.skippers : instance.slot.skippers;

function judgeUpstream(instance: TaskInstance): Verdict {
  const { plan } = instance.slot;
  const counts = upstreamCounts(instance);
  if (plan.rule === 'always' || counts.upstream === 0) return 'run';
  const setups = plan.teardown || plan.indirectSetups.length === 0 ? 'run' : judgeIndirectSetups(setupCounts(instance));
  if (setups === 'upstream_failed' || setups === 'skipped') return setups;
  const verdict = judgeRule(plan.rule, counts, instance.mapIndex);
  return verdict === 'run' ? setups : verdict;
}

/** A result that is mapped over must be there, whatever the trigger rule; a source that is mapped itself gives what it has. */
function judgeMapSources(run: DagRun, slot: TaskSlot): Verdict {
  let waits = false;
  let skipped = false;
  for (const source of slot.plan.mapSources) {
    const from = run.slots[source];
    if (from === undefined) continue;
    if (from.length !== null) { waits ||= !isDone(from); continue; }
    const state = from.instances[0]?.state;
    if (state === 'failed' || state === 'upstream_failed') return 'upstream_failed';
    if (state === 'skipped' || state === 'removed') skipped = true;
    else if (state !== 'success') waits = true;
  }
  return skipped ? 'skipped' : waits ? 'wait' : 'run';
}

const isDone = (slot: TaskSlot): boolean => slot.open === 0;

export const upstreamCounts = (instance: TaskInstance): UpstreamCounts =>
  instance.own === null || instance.slot.plan.indexedUpstream.length === 0 ? instance.slot.upstream : sum(instance.slot.upstream, instance.own.upstream);

export const setupCounts = (instance: TaskInstance): UpstreamCounts =>
  instance.own === null || instance.slot.plan.indexedSetups.length === 0 ? instance.slot.indirectSetups : sum(instance.slot.indirectSetups, instance.own.indirectSetups);

const sum = (a: UpstreamCounts, b: UpstreamCounts): UpstreamCounts => ({
  upstream: a.upstream + b.upstream,
  success: a.success + b.success,
  skipped: a.skipped + b.skipped,
  failed: a.failed + b.failed,
  upstream_failed: a.upstream_failed + b.upstream_failed,
  removed: a.removed + b.removed,
  setups: a.setups + b.setups,
  setupsSucceeded: a.setupsSucceeded + b.setupsSucceeded,
  setupsSkipped: a.setupsSkipped + b.setupsSkipped,
});
