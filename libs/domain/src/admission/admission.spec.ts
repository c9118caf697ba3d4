import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { admit } from './admit.ts';
import { evolveAdmission } from './fact.ts';
import type { AdmissionFact } from './fact.ts';
import { initialAdmission } from './state.ts';
import type { AdmissionState, ReadyAttempt } from './state.ts';
import { whyWaiting } from './why-waiting.ts';

const ready = (attemptId: string, over: Partial<ReadyAttempt> = {}): AdmissionFact => ({
  type: 'AttemptReady',
  attempt: { attemptId, queue: 'default', pool: 'default_pool', poolSlots: 1, priority: 1, readyAtMs: 0, caps: { maxActiveTasks: 1000 }, ...over },
});
const worker = (name: string, slots: number, queues: readonly string[] = ['default'], available = true): AdmissionFact => ({
  type: 'WorkerSeen', worker: name, queues, slots, available,
});
const pool = (name: string, slots: number, includeDeferred = false): AdmissionFact => ({ type: 'PoolDeclared', pool: name, slots, includeDeferred });
const closed = (attemptId: string, epoch = 0): AdmissionFact => ({ type: 'AttemptClosed', attemptId, epoch });
const id = (dag: string, task: string, run = 'r', tryNumber = 1): string => `${dag}/${run}/${task}/-1/${tryNumber}`;

const given = (...facts: readonly AdmissionFact[]): AdmissionState => facts.reduce(evolveAdmission, initialAdmission());
const grantedIds = (state: AdmissionState, limit = Infinity): string[] => admit(state, limit).map((grant) => grant.attempt.attemptId);

describe('the order of grants', () => {
  it('is by priority, then by readiness', () => {
    const state = given(
      worker('w', 10),
      ready(id('d', 'late'), { readyAtMs: 2 }),
      ready(id('d', 'early'), { readyAtMs: 1 }),
      ready(id('d', 'urgent'), { readyAtMs: 3, priority: 9 }),
    );
    expect(grantedIds(state)).toEqual([id('d', 'urgent'), id('d', 'early'), id('d', 'late')]);
  });

  it('alternates between DAGs of equal priority', () => {
    const state = given(worker('w', 10), ...['a', 'b', 'c'].map((task) => ready(id('big', task))), ready(id('small', 'x'), { readyAtMs: 5 }));
    expect(grantedIds(state)).toEqual([id('big', 'a'), id('small', 'x'), id('big', 'b'), id('big', 'c')]);
  });

  it('lets no stream of new DAGs pass one that waits', () => {
    const state = given(worker('w', 1), ready(id('old', 'a')), ready(id('old', 'b')));
    expect(grantedIds(state)).toEqual([id('old', 'a')]);
    evolveAdmission(state, ready(id('new', 'x'), { readyAtMs: 9 }));
    evolveAdmission(state, closed(id('old', 'a')));
    expect(grantedIds(state)).toEqual([id('old', 'b')]);
  });

  it('spreads over the least loaded worker, counted by its slots', () => {
    const state = given(worker('small', 2), worker('large', 4), ...['a', 'b', 'c', 'd', 'e', 'f'].map((task) => ready(id('d', task))));
    expect(admit(state, 10).map((grant) => grant.worker)).toEqual(['small', 'large', 'large', 'small', 'large', 'large']);
  });
});

describe('limits', () => {
  it('gives a queue only to workers that list it', () => {
    const state = given(worker('w', 5, ['gpu']), ready(id('d', 'cpu')), ready(id('d', 'gpu'), { queue: 'gpu' }));
    expect(grantedIds(state)).toEqual([id('d', 'gpu')]);
    expect(whyWaiting(state, id('d', 'cpu'))?.code).toBe('no_worker_serves_queue');
    evolveAdmission(state, worker('w2', 1));
    expect(grantedIds(state)).toEqual([id('d', 'cpu')]);
  });

  it('gives nothing to a draining worker and says so', () => {
    const state = given(worker('w', 5), worker('w', 5, ['default'], false), ready(id('d', 'a')));
    expect(grantedIds(state)).toEqual([]);
    expect(whyWaiting(state, id('d', 'a'))?.message).toBe('Every worker that serves queue "default" is draining or unreachable.');
  });

  it('goes on counting the attempts of a worker that is gone', () => {
    const state = given(worker('w', 5), ready(id('d', 'a'), { caps: { maxActiveTasks: 1 } }));
    expect(grantedIds(state)).toEqual([id('d', 'a')]);
    evolveAdmission(state, { type: 'WorkerGone', worker: 'w' });
    evolveAdmission(state, worker('w2', 5));
    evolveAdmission(state, ready(id('d', 'b'), { caps: { maxActiveTasks: 1 } }));
    expect(grantedIds(state)).toEqual([]);
    expect(whyWaiting(state, id('d', 'b'))?.message).toBe('DAG "d" has 1 active tasks; maxActiveTasks is 1.');
    evolveAdmission(state, closed(id('d', 'a')));
    expect(grantedIds(state)).toEqual([id('d', 'b')]);
    expect(state.workers.has('w')).toBe(false);
  });

  it('keeps a pool for the large attempt that ranks first, and for nobody when it is larger than the pool', () => {
    const state = given(worker('w', 10), pool('p', 4), ready(id('d', 'three'), { pool: 'p', poolSlots: 3 }));
    expect(grantedIds(state)).toEqual([id('d', 'three')]);
    evolveAdmission(state, ready(id('d', 'two'), { pool: 'p', poolSlots: 2, priority: 5 }));
    evolveAdmission(state, ready(id('d', 'one'), { pool: 'p', poolSlots: 1 }));
    expect(grantedIds(state)).toEqual([]);
    expect(whyWaiting(state, id('d', 'one'))?.code).toBe('pool_full');
    evolveAdmission(state, ready(id('e', 'huge'), { pool: 'p', poolSlots: 9, priority: 50 }));
    evolveAdmission(state, closed(id('d', 'three')));
    expect(grantedIds(state)).toEqual([id('d', 'two'), id('d', 'one')]);
    expect(whyWaiting(state, id('e', 'huge'))?.code).toBe('pool_too_small');
    evolveAdmission(state, pool('p', 20));
    expect(grantedIds(state)).toEqual([id('e', 'huge')]);
  });

  it('holds an attempt whose pool is unknown until it is declared, and again when it is deleted', () => {
    const state = given(worker('w', 10), ready(id('d', 'a'), { pool: 'x' }), ready(id('d', 'b'), { pool: 'x', readyAtMs: 1 }));
    expect(grantedIds(state)).toEqual([]);
    expect(whyWaiting(state, id('d', 'a'))).toEqual({
      code: 'unknown_pool',
      message: 'Pool "x" does not exist; create it, or change the task\'s pool.',
    });
    evolveAdmission(state, pool('x', 1));
    expect(grantedIds(state)).toEqual([id('d', 'a')]);
    evolveAdmission(state, { type: 'PoolDeleted', pool: 'x' });
    evolveAdmission(state, closed(id('d', 'a')));
    expect(grantedIds(state)).toEqual([]);
  });

  it('counts deferred slots only in a pool that includes them', () => {
    const state = given(worker('w', 10), pool('p', 3), ready(id('d', 'waits'), { pool: 'p', poolSlots: 0, deferredSlots: 2 }), ready(id('d', 'a'), { pool: 'p' }));
    expect(grantedIds(state)).toEqual([id('d', 'waits'), id('d', 'a')]);
    evolveAdmission(state, pool('p', 3, true));
    evolveAdmission(state, ready(id('d', 'b'), { pool: 'p' }));
    expect(grantedIds(state)).toEqual([]);
    expect(whyWaiting(state, id('d', 'b'))?.message).toBe('3 of 3 slots of pool "p" are taken and it wants 1; those before it in the pool come first.');
    evolveAdmission(state, closed(id('d', 'waits')));
    expect(grantedIds(state)).toEqual([id('d', 'b')]);
  });

  it('counts a deferred task from when its trigger is ready, through a takeover and a grant that failed, until it has fired', () => {
    const waits = ready(id('d', 'waits'), { pool: 'p', poolSlots: 0, deferredSlots: 2 });
    const state = given(pool('p', 2, true), waits, ready(id('d', 'a'), { pool: 'p' }));
    evolveAdmission(state, worker('w', 10));
    expect(grantedIds(state)).toEqual([id('d', 'waits')]);
    evolveAdmission(state, { type: 'GrantFailed', attemptId: id('d', 'waits'), again: true });
    expect(state.pools.get('p')).toMatchObject({ used: 2, deferredSlots: 2 });
    const found: AdmissionFact = { type: 'LeaseFound', attemptId: id('d', 'waits'), epoch: 3, worker: 'w', pool: 'p', poolSlots: 0, deferredSlots: 2 };
    const successor = given(pool('p', 2, true), found, worker('w', 10), ready(id('d', 'a'), { pool: 'p' }));
    expect(grantedIds(successor)).toEqual([]);
    evolveAdmission(successor, closed(id('d', 'waits'), 3));
    expect(grantedIds(successor)).toEqual([id('d', 'a')]);
  });

  it('caps a task over all runs and within one run', () => {
    const overRuns = given(worker('w', 10), ...['r1', 'r2'].map((run) => ready(id('d', 't', run), { caps: { maxActiveTasks: 9, maxActive: 1 } })));
    expect(grantedIds(overRuns)).toEqual([id('d', 't', 'r1')]);
    expect(whyWaiting(overRuns, id('d', 't', 'r2'))?.code).toBe('task_at_cap');

    const caps = { maxActiveTasks: 9, maxActivePerRun: 1 };
    const inRun = given(worker('w', 10), ...['d/r1/t/0/1', 'd/r1/t/1/1', 'd/r2/t/0/1'].map((attemptId) => ready(attemptId, { caps })));
    expect(grantedIds(inRun)).toEqual(['d/r1/t/0/1', 'd/r2/t/0/1']);
    expect(whyWaiting(inRun, 'd/r1/t/1/1')?.code).toBe('task_in_run_at_cap');
  });

  it('counts leases that stood before a cap was heard of', () => {
    const found: AdmissionFact = { type: 'LeaseFound', attemptId: id('d', 't', 'r0'), epoch: 4, worker: 'w', pool: 'default_pool', poolSlots: 1 };
    const state = given(found, worker('w', 10), ready(id('d', 't', 'r1'), { caps: { maxActiveTasks: 9, maxActive: 1 } }));
    expect(grantedIds(state)).toEqual([]);
    evolveAdmission(state, closed(id('d', 't', 'r0'), 3));
    expect(grantedIds(state)).toEqual([]);
    evolveAdmission(state, closed(id('d', 't', 'r0'), 4));
    expect(grantedIds(state)).toEqual([id('d', 't', 'r1')]);
  });

  it('offers the room of a pool to the next when the one it was offered to is gone', () => {
    const state = given(worker('w', 10), pool('p', 2), ...['x', 'y', 'z', 'u'].map((dag) => ready(id(dag, 't'), { pool: 'p' })));
    expect(grantedIds(state)).toEqual([id('x', 't'), id('y', 't')]);
    evolveAdmission(state, closed(id('x', 't')));
    evolveAdmission(state, ready(id('other', 't'), { priority: 9 }));
    expect(grantedIds(state, 1)).toEqual([id('other', 't')]);
    evolveAdmission(state, closed(id('z', 't')));
    expect(grantedIds(state)).toEqual([id('u', 't')]);
  });
});

describe('messages that come twice, late or out of order', () => {
  it('grants an attempt once', () => {
    const state = given(worker('w', 9), ready(id('d', 'a')), ready(id('d', 'a')));
    expect(grantedIds(state)).toEqual([id('d', 'a')]);
    evolveAdmission(state, ready(id('d', 'a')));
    evolveAdmission(state, closed(id('d', 'a')));
    expect(grantedIds(state)).toEqual([]);
  });

  it('lets no late hint take the place of what was said of a later state of the try', () => {
    const said = (lastEpoch: number): AdmissionFact => ready(id('d', 'a'), { readyAtMs: 9 - lastEpoch, lastEpoch, pool: `of-${lastEpoch}` });
    const poolsAfter = (...facts: AdmissionFact[]) => [...given(...facts).ready.values()].map(({ attempt }) => attempt.pool);
    expect([poolsAfter(said(2), said(1)), poolsAfter(said(1), said(2))]).toEqual([['of-2'], ['of-2']]);
    const state = given(worker('w', 1), ready(id('d', 'a'), { lastEpoch: 1 }));
    admit(state, 1);
    for (const lastEpoch of [2, 1, 0]) evolveAdmission(state, ready(id('d', 'a'), { lastEpoch, readyAtMs: 9 }));
    evolveAdmission(state, { type: 'GrantCommitted', attemptId: id('d', 'a'), epoch: 2 });
    evolveAdmission(state, closed(id('d', 'a'), 2));
    expect([...state.ready.values()].map(({ attempt }) => attempt.lastEpoch)).toEqual([2]);
  });

  it('grants again the try whose new readiness overtook the news of its end', () => {
    const state = given(worker('w', 9), ready(id('d', 'a')));
    admit(state, 1);
    evolveAdmission(state, { type: 'GrantCommitted', attemptId: id('d', 'a'), epoch: 1 });
    evolveAdmission(state, ready(id('d', 'a'), { readyAtMs: 7 }));
    expect(grantedIds(state)).toEqual([]);
    evolveAdmission(state, closed(id('d', 'a'), 1));
    expect(grantedIds(state)).toEqual([id('d', 'a')]);
  });

  it('closes at its commit a grant whose close came first', () => {
    const state = given(worker('w', 9), ready(id('d', 'a')));
    admit(state, 1);
    evolveAdmission(state, closed(id('d', 'a'), 3));
    expect(state.leases.size).toBe(1);
    evolveAdmission(state, { type: 'GrantCommitted', attemptId: id('d', 'a'), epoch: 3 });
    expect(state.leases.size).toBe(0);
  });

  it('puts a grant that failed back in its place, or forgets it', () => {
    const state = given(worker('w', 1), ready(id('d', 'a')), ready(id('d', 'b')));
    admit(state, 1);
    evolveAdmission(state, { type: 'GrantFailed', attemptId: id('d', 'a'), again: true });
    expect(grantedIds(state)).toEqual([id('d', 'a')]);
    evolveAdmission(state, { type: 'GrantFailed', attemptId: id('d', 'a'), again: false });
    expect(grantedIds(state)).toEqual([id('d', 'b')]);
  });
});

describe('under random facts', () => {
  const dags = ['a', 'b', 'c'];
  const names = fc.record({
    dag: fc.constantFrom(...dags), run: fc.constantFrom('r1', 'r2'), task: fc.constantFrom('t', 'u'), mapIndex: fc.integer({ min: 0, max: 9 }),
  });
  const attemptOf = ({ dag, run, task, mapIndex }: { dag: string; run: string; task: string; mapIndex: number }): string => `${dag}/${run}/${task}/${mapIndex}/1`;
  const caps: Record<string, ReadyAttempt['caps']> = {
    a: { maxActiveTasks: 3 }, b: { maxActiveTasks: 5, maxActive: 2 }, c: { maxActiveTasks: 8, maxActivePerRun: 1 },
  };
  const factOf = (poolSlots: fc.Arbitrary<number>): fc.Arbitrary<AdmissionFact> => fc.oneof(
    { weight: 6, arbitrary: fc.record({ name: names, pool: fc.constantFrom('default_pool', 'p', 'q'), poolSlots,
      priority: fc.integer({ min: 0, max: 2 }), queue: fc.constantFrom('default', 'gpu'), readyAtMs: fc.integer({ min: 0, max: 3 }) })
      .map(({ name, ...rest }) => ready(attemptOf(name), { ...rest, caps: caps[name.dag] as ReadyAttempt['caps'] })) },
    { weight: 4, arbitrary: names.map((name) => closed(attemptOf(name))) },
    { weight: 1, arbitrary: fc.record({ name: fc.constantFrom('w1', 'w2'), slots: fc.integer({ min: 0, max: 6 }), available: fc.boolean(),
      queues: fc.constantFrom(['default'], ['gpu', 'default'], ['gpu']) }).map(({ name, slots, available, queues }) => worker(name, slots, queues, available)) },
    { weight: 1, arbitrary: fc.constantFrom<AdmissionFact>({ type: 'WorkerGone', worker: 'w1' }, pool('p', 3), pool('p', 5), pool('q', 2), { type: 'PoolDeleted', pool: 'q' }) },
  );
  const stepsOf = (poolSlots: fc.Arbitrary<number>) =>
    fc.array(fc.oneof({ weight: 4, arbitrary: factOf(poolSlots) }, { weight: 1, arbitrary: fc.record({ admit: fc.integer({ min: 0, max: 3 }) }) }), { maxLength: 150 });

  interface Live { readonly attempt: ReadyAttempt; readonly worker: string }
  const usage = (live: Iterable<Live>, of: (one: Live) => string, units: (one: Live) => number = () => 1): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const one of live) counts.set(of(one), (counts.get(of(one)) ?? 0) + units(one));
    return counts;
  };

  /** Whether a live set with one more would still respect every limit, counted afresh. */
  const fits = (live: readonly Live[], next: Live, limits: { pools: Map<string, number>; workers: Map<string, { slots: number; queues: readonly string[] }> }): boolean => {
    const all = [...live, next];
    const [dag, run, task] = next.attempt.attemptId.split('/') as [string, string, string];
    const cap = next.attempt.caps;
    const served = limits.workers.get(next.worker);
    return (
      (usage(all, (one) => one.attempt.pool, (one) => one.attempt.poolSlots).get(next.attempt.pool) as number) <= (limits.pools.get(next.attempt.pool) ?? 0) &&
      served !== undefined && served.queues.includes(next.attempt.queue) && (usage(all, (one) => one.worker).get(next.worker) as number) <= served.slots &&
      (usage(all, (one) => one.attempt.attemptId.split('/')[0] as string).get(dag) as number) <= cap.maxActiveTasks &&
      all.filter((one) => one.attempt.attemptId.startsWith(`${dag}/`) && one.attempt.attemptId.split('/')[2] === task).length <= (cap.maxActive ?? Infinity) &&
      all.filter((one) => one.attempt.attemptId.startsWith(`${dag}/${run}/${task}/`)).length <= (cap.maxActivePerRun ?? Infinity)
    );
  };

  it.each([
    ['of one pool slot each', fc.constant(1)],
    ['of several sizes', fc.integer({ min: 1, max: 3 })],
  ])('exceeds no limit at any instant, and leaves nothing waiting that fits, of attempts %s', (_, poolSlots) => {
    fc.assert(
      fc.property(stepsOf(poolSlots), (steps) => {
        const state = given(worker('w1', 4, ['default', 'gpu']), pool('p', 4), pool('q', 2));
        const limits = { pools: new Map([['default_pool', 128], ['p', 4], ['q', 2]]), workers: new Map([['w1', { slots: 4, queues: ['default', 'gpu'] as readonly string[] }]]) };
        const live = new Map<string, Live>();
        for (const one of steps) {
          if ('admit' in one) {
            for (const grant of admit(state, one.admit)) {
              expect(live.has(grant.attempt.attemptId)).toBe(false);
              expect(fits([...live.values()], grant, limits)).toBe(true);
              live.set(grant.attempt.attemptId, grant);
            }
            continue;
          }
          evolveAdmission(state, one);
          if (one.type === 'AttemptClosed') live.delete(one.attemptId);
          if (one.type === 'PoolDeclared') limits.pools.set(one.pool, one.slots);
          if (one.type === 'PoolDeleted') limits.pools.delete(one.pool);
          if (one.type === 'WorkerGone') limits.workers.delete(one.worker);
          if (one.type === 'WorkerSeen' && !one.available) limits.workers.delete(one.worker);
          if (one.type === 'WorkerSeen' && one.available) limits.workers.set(one.worker, one);
        }
        for (const grant of admit(state, Infinity)) live.set(grant.attempt.attemptId, grant);
        expect([...state.leases.keys()].sort()).toEqual([...live.keys()].sort());
        // A pool may be kept for an attempt of several slots that ranks first.
        const reserved = new Set([...state.ready.values()].filter(({ attempt }) => attempt.poolSlots > 1).map(({ attempt }) => attempt.pool));
        for (const { attempt } of state.ready.values()) {
          if (reserved.has(attempt.pool)) continue;
          for (const name of limits.workers.keys()) expect(fits([...live.values()], { attempt, worker: name }, limits)).toBe(false);
        }
        for (const attemptId of [...state.ready.keys(), ...state.leases.keys()]) evolveAdmission(state, closed(attemptId));
        for (const map of [state.lanes, state.flows, state.dags, state.tasks, state.tasksInRun]) expect([...map.keys()]).toEqual([]);
        expect([...state.pools.values()].map((gate) => [gate.name, gate.used, gate.users]).filter(([, used, users]) => used !== 0 || users !== 0)).toEqual([]);
        expect([...state.queues.values()].map((gate) => gate.used).filter((used) => used !== 0)).toEqual([]);
      }),
      { numRuns: 10_000, seed: 42 },
    );
  });

  it('makes an attempt wait for at most one grant of each other DAG for each ahead of it in its own', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 200 }), fc.integer({ min: 1, max: 4 }), (arrivals, slots) => {
        const state = given(worker('w', slots));
        const grantedAfter = new Map<string, number>();
        const bound = new Map<string, number>();
        let grants = 0;
        const turnOver = (): void => {
          for (const lease of [...state.leases.keys()]) evolveAdmission(state, closed(lease));
          for (const grant of admit(state, Infinity)) grantedAfter.set(grant.attempt.attemptId, ++grants);
        };
        arrivals.forEach((dag, index) => {
          const attemptId = id(`dag${dag}`, `t${index}`);
          const ahead = [...state.ready.keys()].filter((other) => other.startsWith(`dag${dag}/`)).length;
          evolveAdmission(state, ready(attemptId, { readyAtMs: index }));
          bound.set(attemptId, grants + (ahead + 1) * 6);
          if (index % 3 === 0) turnOver();
        });
        for (const _ of arrivals) turnOver();
        for (const [attemptId, after] of grantedAfter) expect(after).toBeLessThanOrEqual(bound.get(attemptId) as number);
        expect(grantedAfter.size).toBe(arrivals.length);
      }),
      { numRuns: 10_000, seed: 42 },
    );
  });

  it('counts what is live and what is deferred as often as it is there, whatever is declared meanwhile', () => {
    const trigger = fc.record({ name: names, pool: fc.constantFrom('p', 'q'), deferredSlots: fc.constantFrom(1, 2), readyAtMs: fc.integer({ min: 0, max: 3 }) })
      .map(({ name, ...rest }) => ready(attemptOf(name), { ...rest, poolSlots: 0, caps: caps[name.dag] as ReadyAttempt['caps'] }));
    const answered = fc.record({ name: names, commits: fc.boolean(), again: fc.boolean() }).map(({ name, commits, again }): AdmissionFact =>
      commits ? { type: 'GrantCommitted', attemptId: attemptOf(name), epoch: 1 } : { type: 'GrantFailed', attemptId: attemptOf(name), again });
    const found = fc.record({ name: names, epoch: fc.constantFrom(1, 2), deferredSlots: fc.constantFrom(0, 2) }).map(({ name, epoch, deferredSlots }): AdmissionFact =>
      ({ type: 'LeaseFound', attemptId: attemptOf(name), epoch, worker: 'w1', pool: 'p', poolSlots: deferredSlots === 0 ? 1 : 0, deferredSlots }));
    const declared = fc.constantFrom<AdmissionFact>(pool('p', 3, true), pool('p', 5), pool('q', 2, true), { type: 'PoolDeleted', pool: 'q' });
    const steps = fc.array(fc.oneof(factOf(fc.integer({ min: 1, max: 2 })), trigger, answered, found, declared, fc.constant('admit' as const)), { maxLength: 80 });
    fc.assert(
      fc.property(steps, (all) => {
        const state = given(worker('w1', 4, ['default', 'gpu']), pool('p', 4), pool('q', 2));
        for (const one of all) {
          if (one === 'admit') admit(state, 2);
          else evolveAdmission(state, one);
          for (const name of ['p', 'q']) {
            const gate = state.pools.get(name);
            const live = [...state.leases.values()].filter((lease) => lease.gates.some((held) => held.kind === 'pool' && held.name === name));
            const deferred = [
              ...[...state.ready.values()].map(({ attempt }) => attempt).filter((attempt) => attempt.pool === name),
              ...[...state.leases.values()].flatMap((lease) => (lease.deferred?.pool === name ? [lease.deferred] : [])),
            ].reduce((sum, { deferredSlots = 0 }) => sum + deferredSlots, 0);
            const used = live.reduce((sum, lease) => sum + lease.poolSlots, 0) + (gate?.includeDeferred === true ? deferred : 0);
            expect([gate?.used ?? 0, gate?.deferredSlots ?? 0]).toEqual([used, deferred]);
          }
        }
      }),
      { numRuns: 10_000, seed: 42 },
    );
  });
});

describe('an attempt without slots', () => {
  const hosted = (task: string): AdmissionFact => ready(id('d', task), { poolSlots: 0, caps: { maxActiveTasks: 1 } });

  it('passes full workers, pools and DAGs, spread by how many are hosted', () => {
    const state = given(worker('w1', 1), worker('w2', 1), pool('default_pool', 1), ready(id('d', 'busy'), { caps: { maxActiveTasks: 1 } }), hosted('a'), hosted('b'), hosted('c'));
    expect(admit(state, 10).map((grant) => grant.worker).sort()).toEqual(['w1', 'w1', 'w1', 'w2']);
    evolveAdmission(state, ready(id('d', 'next'), { caps: { maxActiveTasks: 1 } }));
    expect(whyWaiting(state, id('d', 'next'))?.code).toBe('dag_at_cap');
    evolveAdmission(state, closed(id('d', 'busy')));
    expect(grantedIds(state)).toEqual([id('d', 'next')]);
  });

  it('waits for a worker of its queue, and gives nothing back that it has not taken', () => {
    const state = given(hosted('a'));
    expect(grantedIds(state)).toEqual([]);
    expect(whyWaiting(state, id('d', 'a'))?.code).toBe('no_worker_serves_queue');
    evolveAdmission(state, worker('w', 1, ['default'], false));
    expect(grantedIds(state)).toEqual([]);
    evolveAdmission(state, worker('w', 1));
    expect(grantedIds(state)).toEqual([id('d', 'a')]);
    evolveAdmission(state, { type: 'GrantCommitted', attemptId: id('d', 'a'), epoch: 1 });
    evolveAdmission(state, closed(id('d', 'a'), 1));
    expect([state.leases.size, state.workers.get('w')?.hosted, state.workers.get('w')?.used, state.dags.size]).toEqual([0, 0, 0, 0]);
  });

  it('is known again from its lease', () => {
    const state = given({ type: 'LeaseFound', attemptId: id('d', 'a'), epoch: 1, worker: 'w', pool: 'default_pool', poolSlots: 0 }, worker('w', 1), ready(id('d', 'b')));
    expect(state.workers.get('w')?.hosted).toBe(1);
    expect(grantedIds(state)).toEqual([id('d', 'b')]);
  });
});
