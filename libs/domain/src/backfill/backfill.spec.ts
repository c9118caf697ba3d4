import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DagDefinition } from '../dag/definition.ts';
import { isRejected } from '../decider.ts';
import { backfillAction, decideBackfill, nextDates, stepsOf, type BackfillStep, type ExistingRun } from './decide.ts';
import type { BackfillEvent, BackfillRequest } from './event.ts';
import { evolveBackfill, type BackfillFold } from './fold.ts';
import { backfillDates, refusesBackfill, type ForeseenRuns } from './range.ts';

const at = (iso: string): number => Date.parse(iso);
const DAG: DagDefinition = { dagId: 'd', timezone: 'UTC', schedule: { kind: 'cronDataInterval', cron: '0 0 * * *', timezone: 'UTC' }, tasks: [{ taskId: 'a', operator: 'function', upstream: [] }] };
const REQUEST: BackfillRequest = { fromMs: at('2026-01-01T00:00Z'), toMs: at('2026-01-05T00:00Z'), reprocessBehavior: 'none', runBackwards: false, maxActiveRuns: 2, conf: {}, runOnLatestVersion: true };
const NOW = at('2026-02-01T00:00Z');
const days = (request: Partial<BackfillRequest> = {}, definition = DAG, nowMs = NOW): string[] =>
  backfillDates(definition, { ...REQUEST, ...request }, nowMs).map(({ interval }) => new Date(interval.startMs).toISOString().slice(0, 10));
const create = (request: Partial<BackfillRequest> = {}, definition = DAG, newest?: BackfillFold) =>
  decideBackfill({ type: 'CreateBackfill', dagId: 'd', backfillId: '1', request: { ...REQUEST, ...request }, definition, planHash: 'p', by: 'ann', nowMs: NOW }, newest);
const fold = (events: readonly BackfillEvent[], from?: BackfillFold): BackfillFold => events.reduce<BackfillFold | undefined>(evolveBackfill, from) as BackfillFold;
const begun = (request: Partial<BackfillRequest> = {}, definition = DAG): BackfillFold => fold(create(request, definition) as readonly BackfillEvent[]);

describe('the dates of a backfill', () => {
  it('are those of the timetable, both ends included, in the order asked for', () => {
    expect(days()).toEqual(['2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04', '2026-01-05']);
    expect(days({ runBackwards: true })).toEqual(['2026-01-05', '2026-01-04', '2026-01-03', '2026-01-02', '2026-01-01']);
    expect(days({ fromMs: at('2026-01-02T12:00Z') })).toEqual(['2026-01-03', '2026-01-04', '2026-01-05']);
  });

  it('are only those whose run is due, whatever the start of the DAG', () => {
    expect(days({}, { ...DAG, startDate: '2026-01-04T00:00:00Z' }, at('2026-01-04T06:00Z'))).toEqual(['2026-01-01', '2026-01-02', '2026-01-03']);
  });

  it('follow the clock of the DAG\'s zone over a change of offset', () => {
    const cron = { kind: 'cronTrigger', cron: '0 2 * * *', timezone: 'Europe/Zurich' } as const;
    const runs = backfillDates({ schedule: cron }, { ...REQUEST, fromMs: at('2023-03-25T00:00Z'), toMs: at('2023-03-27T23:00Z') }, NOW);
    expect(runs.map(({ runAfterMs }) => new Date(runAfterMs).toISOString())).toEqual(['2023-03-25T01:00:00.000Z', '2023-03-26T01:00:00.000Z', '2023-03-27T00:00:00.000Z']);
  });
});

describe('a backfill is refused', () => {
  const dependent: DagDefinition = { ...DAG, tasks: [{ taskId: 'a', operator: 'function', upstream: [], dependsOnPast: true }] };
  it.each<[string, Partial<BackfillRequest>, DagDefinition, string]>([
    ['without a schedule', {}, { ...DAG, schedule: { kind: 'none' } }, 'backfill_not_periodic'],
    ['of assets', {}, { ...DAG, schedule: { kind: 'assets', condition: { kind: 'asset', uri: 's3://a' } } }, 'backfill_not_periodic'],
    ['that ends before it begins', { toMs: REQUEST.fromMs - 1 }, DAG, 'invalid_backfill_date'],
    ['of the future', { fromMs: NOW + 1, toMs: NOW + 2 }, DAG, 'invalid_backfill_date'],
    ['without a date', { fromMs: at('2026-01-01T01:00Z'), toMs: at('2026-01-01T02:00Z') }, DAG, 'invalid_backfill_date'],
    ['without room', { maxActiveRuns: 0 }, DAG, 'invalid_max_active_runs'],
    ['backwards, where a task depends on its past', { runBackwards: true, reprocessBehavior: 'failed' }, dependent, 'invalid_backfill_direction'],
    ['that leaves failures in the way of what depends on them', {}, dependent, 'invalid_reprocess_behavior'],
    ['of too many dates', {}, { ...DAG, schedule: { kind: 'cronTrigger', cron: '* * * * *', timezone: 'UTC' } }, 'none'],
    ['of far too many dates', { toMs: at('2026-01-20T00:00Z') }, { ...DAG, schedule: { kind: 'cronTrigger', cron: '* * * * *', timezone: 'UTC' } }, 'backfill_too_large'],
    ['with a conf that breaks a param', { conf: { n: 'x' } }, { ...DAG, params: { defaults: { n: 1 }, schema: { type: 'object', properties: { n: { type: 'integer' } } } } }, 'invalid_param'],
  ])('%s', (_, request, definition, code) => {
    expect(refusesBackfill(definition, { ...REQUEST, ...request }, NOW)?.code ?? 'none').toBe(code);
  });

  it('while another of the DAG is active', () => {
    expect(create({}, DAG, begun())).toMatchObject({ code: 'backfill_running' });
    expect(isRejected(create({}, DAG, fold([{ type: 'BackfillCancelled', by: 'ann', atMs: NOW }], begun())))).toBe(false);
  });

  it('to be changed when it has ended', () => {
    const ended = fold([{ type: 'BackfillCompleted', atMs: NOW }], begun());
    expect(decideBackfill({ type: 'CancelBackfill', by: 'ann', nowMs: NOW }, ended)).toMatchObject({ code: 'backfill_ended' });
    expect(decideBackfill({ type: 'SetBackfillPaused', paused: true, by: 'ann', nowMs: NOW }, ended)).toMatchObject({ code: 'backfill_ended' });
    expect(decideBackfill({ type: 'CancelBackfill', by: 'ann', nowMs: NOW }, undefined)).toMatchObject({ code: 'backfill_not_found' });
  });
});

it.each([
  ['none', { none: 'create', queued: 'skip', running: 'skip', success: 'skip', failed: 'skip' }],
  ['failed', { none: 'create', queued: 'skip', running: 'skip', success: 'skip', failed: 'reprocess' }],
  ['completed', { none: 'create', queued: 'skip', running: 'skip', success: 'reprocess', failed: 'reprocess' }],
] as const)('reprocess_behavior %s', (behavior, actions) => {
  expect({
    none: backfillAction(behavior, undefined), queued: backfillAction(behavior, 'queued'), running: backfillAction(behavior, 'running'),
    success: backfillAction(behavior, 'success'), failed: backfillAction(behavior, 'failed'),
  }).toEqual(actions);
});

describe('of a timetable of the author\'s', () => {
  const custom: DagDefinition = { ...DAG, schedule: { kind: 'custom', name: 'mine' } };
  const hours = (count: number): ForeseenRuns => ({ runs: Array.from({ length: count }, (_, hour) => [REQUEST.fromMs + hour + 1, REQUEST.fromMs + hour, REQUEST.fromMs + hour + 1] as const) });
  const refused = (foreseen: ForeseenRuns): string | undefined => refusesBackfill(custom, REQUEST, NOW, foreseen)?.code;

  it('are the dates that it answered, kept in the event', () => {
    const foreseen = hours(2);
    const [created] = decideBackfill({ type: 'CreateBackfill', dagId: 'd', backfillId: '1', request: REQUEST, definition: custom, planHash: 'p', foreseen, by: 'ann', nowMs: NOW }, undefined) as readonly BackfillEvent[];
    expect(created).toMatchObject({ dates: 2, runs: foreseen.runs });
    expect(backfillDates(custom, { ...REQUEST, runBackwards: true }, NOW, foreseen.runs).map(({ interval }) => interval.startMs)).toEqual([REQUEST.fromMs + 1, REQUEST.fromMs]);
  });

  it('fit into an event, or are refused', () => {
    expect([refused(hours(0)), refused(hours(1_000)), refused(hours(1_001)), refused({ runs: [], problem: 'no calendar' })]).toEqual(['invalid_backfill_date', undefined, 'backfill_too_large', 'invalid_backfill_date']);
    expect(JSON.stringify(hours(1_000)).length).toBeLessThan(48 * 1024);
  });
});

describe('what comes next', () => {
  const dates = backfillDates(DAG, REQUEST, NOW);
  const actions = (steps: readonly BackfillStep[]): string[] => steps.map(({ action, runId }) => `${action} ${runId.slice(0, 20)}`);

  it('is as many runs as there is room for, and all that is skipped on the way', () => {
    const existing: ExistingRun = { runId: 'scheduled__x', state: 'success', backfillId: null };
    const steps = stepsOf(begun(), nextDates(begun(), dates, 0), 0, (dateMs) => (dateMs === REQUEST.fromMs ? existing : undefined));
    expect(actions(steps)).toEqual(['skip scheduled__x', 'create backfill__2026-01-03', 'create backfill__2026-01-04']);
    expect(stepsOf(begun(), dates, 1, () => undefined)).toHaveLength(1);
  });

  it('is nothing while it is paused, full or over', () => {
    expect(nextDates(fold([{ type: 'BackfillPaused', by: 'ann', atMs: NOW }], begun()), dates, 0)).toEqual([]);
    expect(nextDates(begun(), dates, 2)).toEqual([]);
    expect(nextDates(fold([{ type: 'BackfillCancelled', by: 'ann', atMs: NOW }], begun()), dates, 0)).toEqual([]);
  });

  it('repeats nothing that an owner before did and did not record', () => {
    const ours: ExistingRun = { runId: 'backfill__2026-01-02T00:00:00+00:00', state: 'success', backfillId: '1' };
    const [first] = stepsOf(begun({ reprocessBehavior: 'completed' }), dates, 0, (dateMs) => (dateMs === REQUEST.fromMs ? ours : undefined));
    expect(first).toMatchObject({ action: 'create', done: true });
  });
});

/** Its owner, with runs that end whenever chance says and an owner that dies between doing and recording. */
it('handles each date once, in order, never with more runs than allowed, and ends', () => {
  const choices = fc.record({
    maxActiveRuns: fc.integer({ min: 1, max: 4 }), runBackwards: fc.boolean(), reprocessBehavior: fc.constantFrom('none', 'failed', 'completed'),
    existing: fc.array(fc.constantFrom('none', 'success', 'failed', 'running'), { minLength: 5, maxLength: 5 }),
    luck: fc.array(fc.record({ dies: fc.boolean(), ends: fc.boolean(), fails: fc.boolean() }), { minLength: 1, maxLength: 20 }),
  } as const);
  fc.assert(fc.property(choices, ({ existing, luck, ...request }) => {
    let backfill = begun(request);
    const dates = backfillDates(DAG, backfill.created, NOW);
    const runs = new Map<number, { runId: string; state: 'success' | 'failed' | 'running'; backfillId: string | null }>();
    dates.forEach(({ interval }, index) => {
      const state = existing[index] as 'none' | 'success' | 'failed' | 'running';
      if (state !== 'none') runs.set(interval.startMs, { runId: `old${index}`, state, backfillId: null });
    });
    const before = new Map(structuredClone([...runs]));
    const handled: number[] = [];
    const begunRuns: string[] = [];
    const active = (): number => [...runs.values()].filter((run) => run.backfillId === '1' && run.state === 'running').length;
    for (let turn = 0; backfill.state === 'running'; turn += 1) {
      expect(turn).toBeLessThan(200);
      // Of bad luck there is an end.
      const { dies, ends, fails } = turn < 50 ? (luck[turn % luck.length] as (typeof luck)[number]) : { dies: false, ends: true, fails: false };
      if (ends) {
        const run = [...runs.values()].find(({ backfillId, state }) => backfillId === '1' && state === 'running');
        if (run !== undefined) run.state = fails ? 'failed' : 'success';
      }
      const steps = stepsOf(backfill, nextDates(backfill, dates, active()), active(), (dateMs) => runs.get(dateMs));
      for (const { action, logicalDateMs, runId, done } of steps) {
        if (action === 'skip' || done === true) continue;
        begunRuns.push(runId);
        runs.set(logicalDateMs, { runId, state: 'running', backfillId: '1' });
      }
      expect(active()).toBeLessThanOrEqual(request.maxActiveRuns);
      if (dies) continue;
      const events = decideBackfill({ type: 'RecordBackfillSteps', steps, activeRuns: active(), nowMs: NOW }, backfill) as readonly BackfillEvent[];
      for (const event of events) if (event.type === 'BackfillDateHandled') handled.push(event.logicalDateMs);
      backfill = fold(events, backfill);
    }
    expect(handled).toEqual(dates.map(({ interval }) => interval.startMs));
    expect(new Set(begunRuns).size).toBe(begunRuns.length);
    for (const dateMs of handled) {
      const was = before.get(dateMs);
      const touched = runs.get(dateMs)?.backfillId === '1';
      expect(touched).toBe(backfillAction(request.reprocessBehavior, was?.state) !== 'skip');
    }
    expect(active()).toBe(0);
  }), { numRuns: 10_000, seed: 26 });
});
