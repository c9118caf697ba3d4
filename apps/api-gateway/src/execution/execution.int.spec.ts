import { attemptId, runStream, type AttemptKey } from '@dagbook/contracts';
import { attemptToken } from '@dagbook/platform';
import { Journal, PIPELINE, withPostgres } from '@dagbook/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { House, TOKEN_SECRET } from '../../test/house.ts';

const postgres = withPostgres();
let house: House;
let journal: Journal;

const OWN: AttemptKey = { dagId: 'pipeline', runId: 'today', taskId: 'load', mapIndex: 0, tryNumber: 1 };

beforeAll(async () => {
  house = await House.open(postgres);
  journal = new Journal(postgres.stores.events);
  await journal.dag(PIPELINE);
  const at = (day: number) => ({ runAfterMs: Date.UTC(2026, 10, day), dataInterval: { startMs: Date.UTC(2026, 10, day - 1), endMs: Date.UTC(2026, 10, day) } });
  for (const [runId, day, end] of [['good', 20, 'RunSucceeded'], ['bad', 21, 'RunFailed'], ['later', 23, 'RunSucceeded']] as const) {
    await journal.run(PIPELINE, runId, at(day));
    await journal.append(runStream('pipeline', runId), [end === 'RunFailed' ? { type: end, reason: 'task_failed', atMs: journal.tick() } : { type: end, atMs: journal.tick() }]);
  }
  await journal.run(PIPELINE, 'today', at(22));
  const returned = (taskId: string, mapIndex: number, result: object) =>
    journal.append(runStream('pipeline', 'today'), [{ type: 'TaskSucceeded', taskId, mapIndex, tryNumber: 1, epoch: 1, result: result as never, atMs: journal.tick() }]);
  await postgres.stores.events.putContent('xcom', 'pipeline/today/extract/-1/1/1', new TextEncoder().encode('[1,2,3]'));
  await returned('extract', -1, { kind: 'stored', key: 'pipeline/today/extract/-1/1/1', bytes: 7 });
  await journal.append(runStream('pipeline', 'today'), [{ type: 'TaskExpanded', taskId: 'load', length: 3, atMs: journal.tick() }]);
  for (const mapIndex of [1, 2]) await returned('load', mapIndex, { kind: 'inline', value: mapIndex * 10 });
  await journal.start('pipeline', 'today', 'load', { mapIndex: 0 });
  await postgres.stores.events.append([{ streamId: '', expectedVersion: 0, events: [], grants: [{ attemptId: attemptId(OWN), epoch: 1, worker: 'w', incarnation: 'i', dagId: 'pipeline', runId: 'today', taskId: 'load', queue: 'default', pool: 'default_pool', poolSlots: 1, lostAfterMs: 60_000 }] }]);
  await house.caughtUp();
});
afterAll(() => house.close());

const ask = (method: string, path: string, body?: unknown) =>
  house.ask(method, `/execution/${path}`, {
    token: null, ...(body === undefined ? {} : { body }),
    headers: { authorization: `Bearer ${attemptToken(TOKEN_SECRET, attemptId(OWN), 1)}`, 'dagbook-attempt': attemptId(OWN), 'dagbook-epoch': '1' },
  });

test.each([
  [{ taskId: 'extract' }, { found: true, value: [1, 2, 3] }],
  [{ taskId: 'load' }, { found: true, value: [10, 20] }],
  [{ taskId: 'load', mapIndexes: 2 }, { found: true, value: 20 }],
  [{ taskId: 'load', mapIndexes: [2, 0, 1] }, { found: true, value: [20, 10] }],
  [{ taskId: 'load', mapIndexes: 7 }, { found: false }],
  [{ taskId: 'nowhere' }, { found: false }],
])('ti.xcom_pull of %j', async (question, expected) => {
  expect((await ask('POST', 'xcom', question)).body).toEqual(expected);
});

test('the run before that succeeded, not the one that failed and none that is later', async () => {
  expect((await ask('GET', 'previous-success')).body).toMatchObject({ dataInterval: { startMs: Date.UTC(2026, 10, 19), endMs: Date.UTC(2026, 10, 20) } });
});

test('rendered fields are the task instance\'s own, the first of its try', async () => {
  expect((await ask('POST', 'rendered-fields', { fields: { command: 'load ***', env: { DAY: '2026-11-22' } } })).status).toBe(200);
  await ask('POST', 'rendered-fields', { fields: { command: 'again' } });
  const { body } = await house.get('/api/v2/dags/pipeline/dagRuns/today/taskInstances/load/0');
  expect(body.rendered_fields).toEqual({ command: 'load ***', env: { DAY: '2026-11-22' } });
  const { body: listed } = await house.get('/api/v2/dags/pipeline/dagRuns/today/taskInstances');
  expect(listed.task_instances.map((row: { map_index: number; rendered_fields: object }) => [row.map_index, row.rendered_fields])).toContainEqual([0, body.rendered_fields]);
  expect((await ask('POST', 'rendered-fields', { fields: { big: 'x'.repeat(300_000) } })).status).toBe(413);
  expect((await ask('POST', 'rendered-fields', { fields: [] })).status).toBe(422);
});
