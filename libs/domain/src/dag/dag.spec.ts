import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRejected } from '../decider.ts';
import { parseInstant } from '../schedule/civil.ts';
import type { TimetableDefinition } from '../schedule/definition.ts';
import { decideDag, nextDueAtMs } from './decide.ts';
import type { DagCommand, ScheduleContext } from './decide.ts';
import type { DagDefinition } from './definition.ts';
import type { DagEvent } from './event.ts';
import { evolveDag, initialDag } from './fold.ts';
import type { DagFold } from './fold.ts';
import { needsForesight } from './foresight.ts';
import { runIdOf } from './run-id.ts';
import { decideTrigger } from './trigger.ts';
import type { TriggerRequest } from './trigger.ts';

const ms = (text: string): number => parseInstant(text) as number;
const NOW = ms('2026-01-10T12:00');
const daily: TimetableDefinition = { kind: 'cronTrigger', cron: '0 0 * * *', timezone: 'UTC' };

const definition = (over: Partial<DagDefinition> = {}): DagDefinition => ({ dagId: 'd', timezone: 'UTC', schedule: daily, startDate: '2026-01-01T00:00:00Z', tasks: [], ...over });
const registered: DagEvent = { type: 'DagVersionRegistered', dagId: 'd', version: 1, planHash: 'p1', bundleHash: 'b1', file: 'd.ts', atMs: 0 };
const register = (over: Partial<Extract<DagCommand, { type: 'RegisterVersion' }>> = {}): DagCommand => ({
  type: 'RegisterVersion', dagId: 'd', planHash: 'p1', bundleHash: 'b1', file: 'd.ts', pausedUponCreation: false, nowMs: 5, ...over,
});
const due = (over: Partial<ScheduleContext> = {}): DagCommand => ({ type: 'ScheduleDue', definition: definition(), activeRuns: 0, nowMs: NOW, ...over });
const fold = (...events: readonly DagEvent[]): DagFold => events.reduce(evolveDag, initialDag());
const decided = (dag: DagFold, command: DagCommand): readonly DagEvent[] => {
  const decision = decideDag(command, dag);
  if (isRejected(decision)) throw new Error(decision.code);
  return decision;
};
const runIds = (events: readonly DagEvent[]): string[] => events.filter((event) => event.type === 'RunScheduled').map((event) => event.runId);

describe('versions', () => {
  it('registers content once, however often it is parsed', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('p1', 'p2', 'p3')), (hashes) => {
        let dag = fold();
        let registrations = 0;
        hashes.forEach((planHash) => {
          const events = decided(dag, register({ planHash }));
          registrations += events.length;
          dag = events.reduce(evolveDag, dag);
        });
        expect(registrations).toBe(hashes.filter((hash, index) => hash !== hashes[index - 1]).length);
        expect(dag.version).toBe(registrations);
      }),
    );
  });

  it('pauses a DAG that is new and says so, and only then', () => {
    expect(decided(fold(), register({ pausedUponCreation: true }))).toEqual([
      { ...registered, atMs: 5 },
      { type: 'DagPaused', by: 'pausedUponCreation', atMs: 5 },
    ]);
    expect(decided(fold(registered), register({ pausedUponCreation: true, planHash: 'p2' }))).toEqual([{ ...registered, version: 2, planHash: 'p2', atMs: 5 }]);
  });

  it('revives a retired DAG when its file is back', () => {
    expect(decided(fold(registered, { type: 'DagRetired', atMs: 1 }), register())).toEqual([{ type: 'DagRevived', atMs: 5 }]);
    expect(decided(fold(registered), { type: 'Retire', nowMs: 6 })).toEqual([{ type: 'DagRetired', atMs: 6 }]);
    expect(decided(fold(registered, { type: 'DagRetired', atMs: 1 }), { type: 'Retire', nowMs: 6 })).toEqual([]);
  });
});

describe('pause', () => {
  it('is an event only when it changes something, and refused for a DAG that nobody defined', () => {
    const command: DagCommand = { type: 'SetPaused', paused: true, by: 'ann', nowMs: 7 };
    expect(decided(fold(registered), command)).toEqual([{ type: 'DagPaused', by: 'ann', atMs: 7 }]);
    expect(decided(fold(registered, { type: 'DagPaused', by: 'x', atMs: 1 }), command)).toEqual([]);
    expect(decideDag(command, fold())).toMatchObject({ code: 'dag_not_found' });
  });

  it('and retirement hold the schedule', () => {
    const paused = fold(registered, { type: 'DagPaused', by: 'x', atMs: 1 });
    const retired = fold(registered, { type: 'DagRetired', atMs: 1 });
    for (const dag of [paused, retired, fold()]) {
      expect(decided(dag, due())).toEqual([]);
      expect(nextDueAtMs(dag, { definition: definition(), activeRuns: 0, nowMs: NOW })).toBe(null);
    }
  });
});

describe('what is due', () => {
  it('is the latest run alone without catchup', () => {
    expect(decided(fold(registered), due())).toEqual([
      {
        type: 'RunScheduled', runId: 'scheduled__2026-01-10T00:00:00+00:00', runAfterMs: ms('2026-01-10'), interval: { startMs: ms('2026-01-10'), endMs: ms('2026-01-10') }, atMs: NOW,
      },
    ]);
  });

  it('is every run since the last with catchup, as far as active runs leave room', () => {
    const catchup = definition({ catchup: true, maxActiveRuns: 4 });
    const first = decided(fold(registered), due({ definition: catchup, activeRuns: 1 }));
    expect(runIds(first)).toEqual(['01', '02', '03'].map((day) => `scheduled__2026-01-${day}T00:00:00+00:00`));
    const dag = fold(registered, ...first);
    expect(decided(dag, due({ definition: catchup, activeRuns: 4 }))).toEqual([]);
    expect(nextDueAtMs(dag, { definition: catchup, activeRuns: 4, nowMs: NOW })).toBe(null);
    expect(runIds(decided(dag, due({ definition: catchup, activeRuns: 3 })))).toEqual(['scheduled__2026-01-04T00:00:00+00:00']);
    expect(nextDueAtMs(dag, { definition: catchup, activeRuns: 3, nowMs: NOW })).toBe(ms('2026-01-04'));
  });

  it('runs a listed instant also when it is looked at a little later, or after a long night, and passes over those that came meanwhile', () => {
    const listed = definition({ schedule: { kind: 'events', instants: ['2026-01-09', '2026-01-10T12:00', '2026-01-10T12:30', '2026-01-11'] } });
    const watched: DagEvent = { ...registered, atMs: ms('2026-01-10') };
    const context = { definition: listed, activeRuns: 0 };
    const dag = fold(watched);
    expect(nextDueAtMs(dag, { ...context, nowMs: ms('2026-01-10') })).toBe(NOW);
    expect(decided(dag, due({ definition: listed, nowMs: NOW - 1 }))).toEqual([]);
    expect(runIds(decided(dag, due({ definition: listed, nowMs: NOW + 1 })))).toEqual(['scheduled__2026-01-10T12:00:00+00:00']);
    const late = decided(dag, due({ definition: listed, nowMs: ms('2026-01-10T13:00') }));
    expect(runIds(late)).toEqual(['scheduled__2026-01-10T12:00:00+00:00']);
    expect(nextDueAtMs(fold(watched, ...late), { ...context, nowMs: ms('2026-01-10T13:00') })).toBe(ms('2026-01-11'));
    const paused = fold(watched, { type: 'DagPaused', by: 'me', atMs: ms('2026-01-10T01:00') }, { type: 'DagUnpaused', by: 'me', atMs: ms('2026-01-10T12:10') });
    expect(nextDueAtMs(paused, { ...context, nowMs: ms('2026-01-10T12:10') })).toBe(ms('2026-01-10T12:30'));
  });

  it('ends with the end date', () => {
    const ending = definition({ catchup: true, endDate: '2026-01-02T00:00:00Z' });
    const events = decided(fold(registered), due({ definition: ending }));
    expect(runIds(events)).toHaveLength(2);
    expect(nextDueAtMs(fold(registered, ...events), { definition: ending, activeRuns: 0, nowMs: NOW })).toBe(null);
  });

  it('is one run for @once, and one after the other for @continuous', () => {
    const once = decided(fold(registered), due({ definition: definition({ schedule: { kind: 'once' } }) }));
    expect(runIds(once)).toEqual(['scheduled__2026-01-01T00:00:00+00:00']);
    expect(decided(fold(registered, ...once), due({ definition: definition({ schedule: { kind: 'once' } }) }))).toEqual([]);
    const continuous = definition({ schedule: { kind: 'continuous' }, maxActiveRuns: 1 });
    expect(runIds(decided(fold(registered), due({ definition: continuous })))).toEqual(['scheduled__2026-01-10T12:00:00+00:00']);
    expect(decided(fold(registered), due({ definition: continuous, activeRuns: 1 }))).toEqual([]);
  });

  it('is what the code of a custom timetable answered', () => {
    const custom = definition({ schedule: { kind: 'custom', name: 'workdays' } });
    const run = { runAfterMs: NOW - 1, interval: { startMs: NOW - 2, endMs: NOW - 1 } };
    expect(decided(fold(registered), due({ definition: custom }))).toEqual([]);
    const foresee = { type: 'RecordForesight', runs: [run], planHash: 'p1', nowMs: NOW } as const;
    const [foreseen] = decided(fold(registered), foresee);
    expect(foreseen).toEqual({ type: 'RunsForeseen', runs: [run], atMs: NOW });
    const told = fold(registered, foreseen as DagEvent);
    const [made] = decided(told, due({ definition: custom }));
    expect(made).toMatchObject(run);
    expect(nextDueAtMs(told, { definition: custom, activeRuns: 0, nowMs: NOW })).toBe(run.runAfterMs);
    // Asked again for the run after it, by the version that it has, and once unless it failed.
    expect(needsForesight(custom, told)).toBe(false);
    expect(needsForesight(custom, fold(registered, foreseen as DagEvent, made as DagEvent))).toBe(true);
    expect(decided(told, foresee)).toEqual([]);
    expect(decided(fold(registered), { ...foresee, planHash: 'another' })).toEqual([]);
    const failed = fold(registered, { type: 'RunsForeseen', runs: [], problem: 'it threw', atMs: NOW });
    expect(needsForesight(custom, failed)).toBe(true);
    expect(decided(failed, { ...foresee, runs: [], problem: 'it threw' })).toEqual([]);
    expect(needsForesight(definition(), fold(registered))).toBe(false);
  });
});

describe('a manual run', () => {
  const request = (over: Partial<TriggerRequest> = {}): TriggerRequest => ({ definition: definition(), logicalDateMs: NOW, conf: {}, nowMs: NOW + 1, ...over });

  it('is named by its logical date and takes the interval that its timetable infers', () => {
    const schedule: TimetableDefinition = { kind: 'cronDataInterval', cron: '0 0 * * *', timezone: 'UTC' };
    expect(decideTrigger(request({ definition: definition({ schedule }) }))).toEqual({
      runId: 'manual__2026-01-10T12:00:00+00:00', logicalDateMs: NOW, dataInterval: { startMs: ms('2026-01-09'), endMs: ms('2026-01-10') }, runAfterMs: ms('2026-01-10'), params: {},
    });
  });

  it('may have no logical date, and then no interval', () => {
    expect(decideTrigger(request({ logicalDateMs: null }))).toEqual({
      runId: 'manual__2026-01-10T12:00:00.001000+00:00', logicalDateMs: null, dataInterval: null, runAfterMs: NOW + 1, params: {},
    });
  });

  it('lays conf over the defaults of the params', () => {
    const params = { defaults: { day: 'mon', n: 1 } };
    expect(decideTrigger(request({ definition: definition({ params }), conf: { n: 2, extra: true } }))).toMatchObject({ params: { day: 'mon', n: 2, extra: true } });
  });

  it.each([
    ['invalid_conf', { conf: [1] }],
    ['invalid_conf', { conf: 'text' }],
    ['invalid_conf', { conf: { 'a\u0000b': 1 } }],
    ['invalid_conf', { conf: { a: ['\ud800'] } }],
    ['conf_too_large', { conf: { text: 'x'.repeat(30_000) } }],
    ['invalid_run_id', { runId: 'a/b' }],
    ['invalid_run_id', { runId: 'scheduled__2026-01-01' }],
    ['invalid_data_interval', { dataInterval: { startMs: 2, endMs: 1 } }],
  ])('is refused with %s for %j', (code, over) => {
    expect(decideTrigger(request(over))).toMatchObject({ rejected: true, code });
  });
});

it('names runs as Airflow does', () => {
  expect(runIdOf('scheduled', ms('2026-01-05T00:00:00Z'))).toBe('scheduled__2026-01-05T00:00:00+00:00');
  expect(runIdOf('manual', ms('2026-01-05T00:00:00.250Z'), 'a1')).toBe('manual__2026-01-05T00:00:00.250000+00:00_a1');
});
