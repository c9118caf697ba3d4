import { backfillStream, type CommandBody } from '@dagbook/contracts';
import { formatPosition } from '@dagbook/event-store';
import type { DagDefinition } from '@dagbook/domain';
import { Journal, planHashOf, withPostgres } from '@dagbook/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { House } from '../test/house.ts';

const DAILY: DagDefinition = {
  dagId: 'daily', displayName: 'Every day', timezone: 'UTC', schedule: { kind: 'cronDataInterval', cron: '0 0 * * *', timezone: 'UTC' },
  tasks: [{ taskId: 'load', operator: 'function', upstream: [] }], deadlines: [{ name: 'in the morning', reference: 'logicalDate', intervalMs: 3_600_000 }],
};
const BY_HAND: DagDefinition = { ...DAILY, dagId: 'by_hand', schedule: { kind: 'none' } };
const CUSTOM: DagDefinition = { ...DAILY, dagId: 'custom', schedule: { kind: 'custom', name: 'mine' } };
const BODY = { dag_id: 'daily', from_date: '2026-01-01T00:00:00Z', to_date: '2026-01-04T00:00:00Z' };

const DAY_MS = 86_400_000;
const postgres = withPostgres();
let house: House;
let journal: Journal;
const commands: CommandBody[] = [];

beforeAll(async () => {
  house = await House.open(postgres);
  journal = new Journal(postgres.stores.events);
  await journal.dag(DAILY);
  await journal.dag(BY_HAND);
  await journal.dag(CUSTOM);
  for (const [day, state] of [['02', 'RunSucceeded'], ['03', 'RunFailed']] as const) {
    const logicalDateMs = Date.parse(`2026-01-${day}T00:00:00Z`);
    await journal.run(DAILY, `scheduled__${day}`, { logicalDateMs });
    await journal.append(`run-daily/scheduled__${day}`, [state === 'RunFailed' ? { type: state, reason: 'task_failed', atMs: journal.tick() } : { type: state, atMs: journal.tick() }]);
  }
  // Answers as the scheduler would.
  await house.answerCommands(async (dagId, body) => {
    commands.push(body);
    if (body.type === 'ForeseeRuns') return { kind: 'done', position: null, result: { runs: [1, 2].map((day) => [body.fromMs + day * DAY_MS, body.fromMs + (day - 1) * DAY_MS, body.fromMs + day * DAY_MS]) } };
    const atMs = journal.tick();
    if (body.type === 'CreateBackfill') {
      const { user, ...request } = body;
      await journal.append(backfillStream(dagId, '1'), [{ ...request, type: 'BackfillCreated', dagId, backfillId: '1', planHash: planHashOf(DAILY), dates: 4, by: user, atMs }]);
      await journal.append(backfillStream(dagId, '1'), [{ type: 'BackfillDateHandled', logicalDateMs: 0, runId: 'x', action: 'created', atMs }, { type: 'BackfillDateHandled', logicalDateMs: 1, runId: 'y', action: 'skipped', atMs }]);
    } else if (body.type === 'SetBackfillPaused') {
      await journal.append(backfillStream(dagId, body.backfillId), [{ type: body.paused ? 'BackfillPaused' : 'BackfillUnpaused', by: body.user, atMs }]);
    } else if (body.type === 'CancelBackfill') {
      await journal.append(backfillStream(dagId, body.backfillId), [{ type: 'BackfillCancelled', by: body.user, atMs }]);
    }
    const last = (await postgres.stores.events.feed({ xid: '0', pos: '0' }, 100_000)).at(-1);
    return { kind: 'done', position: last === undefined ? '0-0' : formatPosition(last.position), result: { backfillId: '1' } };
  });
  await house.caughtUp();
});
afterAll(() => house.close());

it('shows beforehand what would become of each date', async () => {
  const { status, body } = await house.ask('POST', '/api/v2/backfills/dry_run', { body: { ...BODY, reprocess_behavior: 'failed' } });
  expect(status).toBe(200);
  expect(body.backfills.map((date: { logical_date: string; action: string }) => `${date.logical_date.slice(0, 10)} ${date.action}`)).toEqual(['2026-01-01 create', '2026-01-03 reprocess', '2026-01-04 create']);
  expect([body.total_entries, body.skipped]).toEqual([3, [{ logical_date: '2026-01-02T00:00:00.000Z', partition_key: null, partition_date: null, action: 'skip', dag_run_id: 'scheduled__02', state: 'success' }]]);
  const backwards = await house.ask('POST', '/api/v2/backfills/dry_run', { body: { ...BODY, run_backwards: true } });
  expect(backwards.body.backfills.map((date: { logical_date: string }) => date.logical_date.slice(8, 10))).toEqual(['04', '01']);
  expect(commands).toEqual([]);
});

it('shows the dates of a timetable of the author\'s, as the owner of the DAG has it answer', async () => {
  const { status, body } = await house.ask('POST', '/api/v2/backfills/dry_run', { body: { ...BODY, dag_id: 'custom' } });
  expect([status, body.backfills.map((date: { logical_date: string; action: string }) => `${date.logical_date.slice(0, 10)} ${date.action}`)]).toEqual([200, ['2026-01-01 create', '2026-01-02 create']]);
  expect(commands).toEqual([{ type: 'ForeseeRuns', fromMs: Date.parse(BODY.from_date), toMs: Date.parse(BODY.to_date), user: 'admin' }]);
});

it('is created, read, paused, gone on with and cancelled', async () => {
  const created = await house.ask('POST', '/api/v2/backfills', { body: { ...BODY, max_active_runs: 3, dag_run_conf: { why: 'again' } } });
  expect(commands.at(-1)).toEqual({
    type: 'CreateBackfill', fromMs: Date.parse(BODY.from_date), toMs: Date.parse(BODY.to_date), reprocessBehavior: 'none', runBackwards: false, maxActiveRuns: 3, conf: { why: 'again' },
    runOnLatestVersion: true, user: 'admin',
  });
  expect(created).toMatchObject({ status: 200, body: { dag_id: 'daily', dag_display_name: 'Every day', is_paused: false, reprocess_behavior: 'none', max_active_runs: 3, completed_at: null, dates: 4, created_runs: 1, skipped_dates: 1 } });
  const path = `/api/v2/backfills/${created.body.id}`;
  expect((await house.ask('PUT', `${path}/pause`)).body).toMatchObject({ is_paused: true, state: 'running' });
  expect((await house.ask('PUT', `${path}/unpause`)).body).toMatchObject({ is_paused: false });
  expect((await house.get('/api/v2/backfills?dag_id=daily&active=true')).body).toMatchObject({ total_entries: 1 });
  const cancelled = await house.ask('PUT', `${path}/cancel`);
  expect(cancelled.body).toMatchObject({ id: created.body.id, state: 'cancelled' });
  expect(cancelled.body.completed_at).not.toBe(null);
  expect((await house.get(path)).body).toEqual(cancelled.body);
  expect((await house.get('/api/v2/backfills?active=true')).body).toEqual({ backfills: [], total_entries: 0 });
});

it.each([
  ['POST', '/dry_run', { ...BODY, dag_id: 'by_hand' }, 409, 'names no dates'],
  ['POST', '/dry_run', { ...BODY, to_date: '2025-12-31T00:00:00Z' }, 422, 'lies before from_date'],
  ['POST', '/dry_run', { ...BODY, dag_id: 'nope' }, 404, 'nope'],
  ['POST', '', { ...BODY, max_active_runs: 0 }, 422, 'max_active_runs'],
  ['POST', '', { ...BODY, reprocess_behavior: 'all' }, 422, 'reprocess_behavior'],
  ['POST', '', { dag_id: 'daily', from_date: '2026-01-01T00:00:00Z' }, 422, 'to_date'],
  ['GET', '/7', undefined, 404, '7'],
  ['GET', '/x', undefined, 422, 'backfill_id'],
  ['PUT', '/7/pause', undefined, 404, '7'],
  ['GET', '?dag_id=nope', undefined, 404, 'nope'],
])('%s /backfills%s %j → %i', async (method, path, body, status, tells) => {
  const answer = await house.ask(method, `/api/v2/backfills${path}`, { body });
  expect([answer.status, JSON.stringify(answer.body)]).toEqual([status, expect.stringContaining(tells)]);
});

it('tells by when a run must have succeeded', async () => {
  expect((await house.get('/ui/dags/daily/dagRuns/scheduled__02/deadlines')).body).toEqual({
    deadlines: [{ alert_name: 'in the morning', reference: 'logicalDate', interval_seconds: 3_600, deadline_time: '2026-01-02T01:00:00.000Z', state: 'met', missed: false }],
    total_entries: 1,
  });
  expect((await house.get('/ui/dags/daily/dagRuns/nope/deadlines')).status).toBe(404);
});
