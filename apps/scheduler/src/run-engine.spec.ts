import type { DagDefinition } from '@dagbook/domain';
import { runStream } from '@dagbook/contracts';
import { createMemoryStores, type AppendEntry } from '@dagbook/event-store';
import { ManualClock, silentLog } from '@dagbook/platform';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PlanLibrary } from './plan-library.ts';
import { RunEngine, type Ask, type AskOutcome } from './run-engine.ts';

const DAG: DagDefinition = { dagId: 'd', timezone: 'UTC', schedule: { kind: 'none' }, tasks: [{ taskId: 'a', operator: 'function', upstream: [] }] };
const STREAM = runStream('d', 'r');

let clock: ManualClock;
let store: ReturnType<typeof createMemoryStores>['events'];
let plans: PlanLibrary;
let engine: RunEngine;
let isOurs: boolean;
/** Runs after an append was done and before the engine hears of it. */
let beforeAnswer: () => Promise<void>;

beforeEach(() => {
  clock = new ManualClock(1_000_000);
  store = createMemoryStores({ nowMs: () => clock.nowMs() }).events;
  isOurs = true;
  beforeAnswer = async () => undefined;
  const gated = new Proxy(store, {
    get: (target, name) => {
      if (name !== 'append') return Reflect.get(target, name).bind(target);
      return async (entries: readonly AppendEntry[]) => {
        const results = await target.append(entries);
        await beforeAnswer();
        return results;
      };
    },
  });
  plans = new PlanLibrary(store);
  engine = new RunEngine({
    store: gated, plans, clock, log: silentLog, publisher: { publish: async () => undefined }, results: { keep: async () => undefined },
    owns: () => isOurs, isPaused: () => false, onRunsFolded: () => undefined, onEvents: () => undefined,
  });
  engine.start();
});
afterEach(() => engine.stop());

const asked = (command: Ask['command'], more: Partial<Ask> = {}): Promise<AskOutcome> => new Promise((done) => engine.ask({ dagId: 'd', runId: 'r', command, ...more, done }));
const created = (): Promise<AskOutcome> => {
  const plan = plans.add('hash', DAG);
  return asked({
    type: 'CreateRun', dagId: 'd', runId: 'r', runType: 'manual', triggeredBy: 'test', logicalDateMs: null, dataInterval: null, runAfterMs: 0, conf: {}, params: {},
    planHash: plan.hash, dagVersion: 1, bundleHash: 'b', nowMs: 0,
  }, { plan });
};

describe('a run', () => {
  it('is not hot any more when its DAG was lost while it was appended to', async () => {
    await store.putContent('plan', 'hash', new TextEncoder().encode(JSON.stringify(DAG)));
    await created();
    expect([...engine.hotRuns.keys()]).toEqual([STREAM]);
    beforeAnswer = async () => {
      isOurs = false;
      engine.drop(() => false);
    };
    await asked({ type: 'StartRun', nowMs: 0 });
    expect(engine.hotRuns.size).toBe(0);
  });

  it('is folded anew when it is adopted, whatever was known of it', async () => {
    await store.putContent('plan', 'hash', new TextEncoder().encode(JSON.stringify(DAG)));
    await created();
    const { version } = engine.hotRuns.get(STREAM)!;
    await store.append([{ streamId: STREAM, expectedVersion: version, events: [{ eventId: '01900000-0000-7000-8000-000000000001', type: 'RunNoteSet', schemaVersion: 1, data: { note: 'by another', by: 'x', atMs: 0 } }] }]);
    await engine.adopt([{ dagId: 'd', runId: 'r' }]);
    expect(engine.hotRuns.get(STREAM)?.version).toBe(version + 1);
  });
});
