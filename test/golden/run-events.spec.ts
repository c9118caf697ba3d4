import { readdirSync, readFileSync } from 'node:fs';
import { compilePlan, createRunState, evolveRun, replan, restoreRun, snapshotRun, type DagDefinition, type Json, type RunEvent } from '@dagbook/domain';
import { describe, expect, it } from 'vitest';

/**
 * Every shape of event that a run was ever written in, frozen as it was stored. The files are history: a new shape is a new file
 * (`run-events.<what is new>.json`) and, where an old shape is no longer understood, an upcaster, never an edit. A member of the
 * state that is newer than a file is not looked at in it.
 */
interface Golden {
  readonly plans: Readonly<Record<string, DagDefinition>>;
  readonly events: readonly RunEvent[];
  readonly state: { readonly [member: string]: Json };
}

const FILES = readdirSync(new URL('.', import.meta.url)).filter((name) => /^run-events\..+\.json$/.test(name)).sort();
const goldenOf = (file: string): Golden => JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as Golden;
const planOf = ({ plans }: Golden, hash: string) => compilePlan(plans[hash] as DagDefinition);

function fold(golden: Golden, events: readonly RunEvent[], from = createRunState(planOf(golden, 'p1'))) {
  let run = from;
  for (const event of events) {
    run = evolveRun(run, structuredClone(event));
    if (event.type === 'RunReplanned') run = replan(run, planOf(golden, event.planHash));
  }
  return run;
}

/** One of each: a type that is added to the domain does not compile until it is here, and fails until a fixture holds it. */
const TYPES: Readonly<Record<RunEvent['type'], true>> = {
  RunCreated: true, RunStarted: true, RunSucceeded: true, RunFailed: true, RunRequeued: true, RunReplanned: true, RunNoteSet: true, RunErased: true, DeadlineMissed: true,
  CallbackRequested: true, CallbackScheduled: true, CallbackSucceeded: true, CallbackFailed: true, CallbackAttemptLost: true,
  TaskExpanded: true, TaskScheduled: true, TaskStarted: true, TaskSucceeded: true, TaskFailed: true, TaskRetryScheduled: true, TaskSkipped: true,
  TaskUpstreamFailed: true, TaskRemoved: true, TaskRescheduled: true, TaskDeferred: true, TriggerFired: true, TaskAwaitingInput: true, TaskInputReceived: true, TaskAttemptLost: true,
  TaskRestarting: true, TaskCleared: true, TaskMarked: true, TaskNoteSet: true, XComSet: true, XComDeleted: true,
};

it('events as they were first stored are of every type', () => {
  expect([...new Set(FILES.flatMap((file) => goldenOf(file).events.map((event) => event.type)))].sort()).toEqual(Object.keys(TYPES).sort());
});

describe.each(FILES)('%s', (file) => {
  const golden = goldenOf(file);
  const known = (state: Json): Json => Object.fromEntries(Object.entries(state as Golden['state']).filter(([member]) => Object.hasOwn(golden.state, member)));

  it('folds to the state that it came to then', () => {
    expect(known(snapshotRun(fold(golden, golden.events)))).toEqual(golden.state);
  });

  it('folds from a snapshot anywhere and the tail to the same', () => {
    for (let cut = 1; cut < golden.events.length; cut += 1) {
      const before = fold(golden, golden.events.slice(0, cut));
      if (before.orphans.size > 0) continue;
      const restored = restoreRun(before.plan, structuredClone(snapshotRun(before)));
      expect(known(snapshotRun(fold(golden, golden.events.slice(cut), restored))), `cut at ${cut}`).toEqual(golden.state);
    }
  });
});
