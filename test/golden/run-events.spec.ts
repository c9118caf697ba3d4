import { readFileSync } from 'node:fs';
import { compilePlan, createRunState, evolveRun, replan, restoreRun, snapshotRun, type DagDefinition, type Json, type RunEvent } from '@dagbook/domain';
import { describe, expect, it } from 'vitest';

/**
 * Every shape of event that a run was ever written in, frozen as it was stored. The files are history: a new shape is a new file
 * (`run-events.v2.json`) and an upcaster, never an edit.
 */
interface Golden {
  readonly plans: Readonly<Record<string, DagDefinition>>;
  readonly events: readonly RunEvent[];
  readonly state: Json;
}

const golden = JSON.parse(readFileSync(new URL('run-events.v1.json', import.meta.url), 'utf8')) as Golden;
const plan = (hash: string) => compilePlan(golden.plans[hash] as DagDefinition);

function fold(events: readonly RunEvent[], from = createRunState(plan('p1'))) {
  let run = from;
  for (const event of events) {
    run = evolveRun(run, structuredClone(event));
    if (event.type === 'RunReplanned') run = replan(run, plan(event.planHash));
  }
  return run;
}

/** One of each: a type that is added to the domain does not compile until it is here, and fails until a fixture holds it. */
const TYPES: Readonly<Record<RunEvent['type'], true>> = {
  RunCreated: true, RunStarted: true, RunSucceeded: true, RunFailed: true, RunRequeued: true, RunReplanned: true, RunNoteSet: true,
  TaskExpanded: true, TaskScheduled: true, TaskStarted: true, TaskSucceeded: true, TaskFailed: true, TaskRetryScheduled: true, TaskSkipped: true,
  TaskUpstreamFailed: true, TaskRemoved: true, TaskRescheduled: true, TaskDeferred: true, TaskAwaitingInput: true, TaskAttemptLost: true,
  TaskRestarting: true, TaskCleared: true, TaskMarked: true, TaskNoteSet: true,
};

describe('events as they were first stored', () => {
  it('are of every type', () => {
    expect([...new Set(golden.events.map((event) => event.type))].sort()).toEqual(Object.keys(TYPES).sort());
  });

  it('fold to the state that they came to then', () => {
    expect(snapshotRun(fold(golden.events))).toEqual(golden.state);
  });

  it('fold from a snapshot and the tail to the same', () => {
    const cut = golden.events.findIndex((event) => event.type === 'RunReplanned');
    const before = fold(golden.events.slice(0, cut));
    const restored = restoreRun(plan('p1'), structuredClone(snapshotRun(before)));
    expect(snapshotRun(fold(golden.events.slice(cut), restored))).toEqual(golden.state);
  });
});
