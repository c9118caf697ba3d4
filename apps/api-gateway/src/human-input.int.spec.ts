import { runStream, type CommandBody, type CommandOutcome } from '@dagbook/contracts';
import { compilePlan, createRunState, decideRun, evolveRun, isRejected, type DagDefinition, type RunEvent } from '@dagbook/domain';
import { formatPosition, toFact } from '@dagbook/event-store';
import { Journal, withPostgres } from '@dagbook/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { House } from '../test/house.ts';

const ASKING: DagDefinition = { dagId: 'asking', timezone: 'UTC', schedule: { kind: 'none' }, tasks: [{ taskId: 'ask', operator: 'form', upstream: [], retries: 1 }] };
const REQUEST = {
  subject: 'How many rows?', body: 'Of the table **sales**.', options: ['OK', 'Not now'], defaults: ['OK'],
  params: { schema: { type: 'object', properties: { rows: { type: 'integer', minimum: 1, description: 'At least one' } } }, defaults: { rows: 5 } },
};
const ADMIN = { id: 'admin', name: 'admin' };

const postgres = withPostgres();
let house: House;
let journal: Journal;

/** A run whose task has asked in its first try. */
async function asked(runId: string, request: object = REQUEST): Promise<string> {
  await journal.run(ASKING, runId);
  await journal.start('asking', runId, 'ask');
  await journal.append(runStream('asking', runId), [{ type: 'TaskAwaitingInput', taskId: 'ask', mapIndex: -1, tryNumber: 1, epoch: 1, request: { ...REQUEST, ...request }, atMs: journal.tick() }]);
  await house.caughtUp();
  return `/api/v2/dags/asking/dagRuns/${runId}/taskInstances/ask/-1/hitlDetails`;
}

/** As the scheduler decides, by the run's own events. */
async function decided(dagId: string, command: CommandBody): Promise<CommandOutcome> {
  if (command.type !== 'AnswerInput') throw new Error(`${command.type} is not expected here`);
  const { runId, user, ...rest } = command;
  const events = (await postgres.stores.events.read(runStream(dagId, runId))).map((stored) => toFact<RunEvent>(stored));
  const run = events.reduce((state, event) => evolveRun(state, event), createRunState(compilePlan(ASKING)));
  const decision = decideRun({ ...rest, by: { id: user, name: user }, nowMs: journal.tick() }, run);
  if (isRejected(decision)) return { kind: 'refused', code: decision.code, message: decision.message };
  await journal.append(runStream(dagId, runId), decision);
  const last = (await postgres.stores.events.feed({ xid: '0', pos: '0' }, 100_000)).at(-1);
  return { kind: 'done', position: last === undefined ? null : formatPosition(last.position) };
}

beforeAll(async () => {
  house = await House.open(postgres);
  journal = new Journal(postgres.stores.events);
  await journal.dag(ASKING);
  await house.answerCommands(decided);
});
afterAll(() => house.close());

it('shows what is asked, takes the answer once and shows it', async () => {
  const path = await asked('once');
  const before = (await house.get(path)).body;
  expect(before).toMatchObject({
    subject: 'How many rows?', body: 'Of the table **sales**.', options: ['OK', 'Not now'], defaults: ['OK'], multiple: false, assigned_users: [],
    params: { rows: { value: 5, description: 'At least one', schema: { type: 'integer', minimum: 1 } } },
    response_received: false, responded_at: null, chosen_options: null, params_input: {}, responded_by_user: null, task_instance: { task_id: 'ask', state: 'awaiting_input' },
  });
  const answered = await house.ask('PATCH', path, { body: { chosen_options: ['OK'], params_input: { rows: 7 } } });
  expect([answered.status, answered.body]).toEqual([200, { responded_by: ADMIN, responded_at: expect.any(String), chosen_options: ['OK'], params_input: { rows: 7 } }]);
  expect((await house.get(path)).body).toMatchObject({
    created_at: before.created_at, response_received: true, responded_at: answered.body.responded_at, chosen_options: ['OK'], params_input: { rows: 7 }, responded_by_user: ADMIN,
    task_instance: { state: 'scheduled', try_number: 1 },
  });
  expect((await house.ask('PATCH', path, { body: { chosen_options: ['OK'] } })).status).toBe(409);
});

it.each([
  [{ chosen_options: ['Maybe'] }, {}, 422],
  [{ chosen_options: [] }, {}, 422],
  [{ chosen_options: ['OK', 'Not now'] }, {}, 422],
  [{ chosen_options: ['OK'], params_input: { rows: 0 } }, {}, 422],
  [{ chosen_options: 3 }, {}, 422],
  [{}, {}, 422],
  [{ chosen_options: ['OK'] }, { assignedUsers: [{ id: 'bob', name: 'bob' }] }, 403],
])('answers %j to a request with %j by %i, and goes on waiting', async (body, request, status) => {
  const path = await asked(`refused-${JSON.stringify([body, request]).replaceAll(/\W/g, '')}`, request);
  expect((await house.ask('PATCH', path, { body })).status).toBe(status);
  expect((await house.get(path)).body.response_received).toBe(false);
});

it('lets no viewer answer, and knows what asks for nothing', async () => {
  const path = await asked('looked-at');
  expect((await house.ask('PATCH', path, { body: { chosen_options: ['OK'] }, token: await house.signIn('guest', 'only looking') })).status).toBe(403);
  await journal.run(ASKING, 'silent');
  await house.caughtUp();
  expect((await house.get('/api/v2/dags/asking/dagRuns/silent/taskInstances/ask/-1/hitlDetails')).status).toBe(404);
  expect((await house.get('/api/v2/dags/asking/dagRuns/silent/taskInstances/nope/-1/hitlDetails')).status).toBe(404);
});

it('keeps what each try asked, and lists what the newest asks', async () => {
  const path = await asked('twice');
  await journal.append(runStream('asking', 'twice'), [
    { type: 'TaskRetryScheduled', taskId: 'ask', mapIndex: -1, tryNumber: 1, failure: { code: 'timeout', message: 'Nobody answered.' }, retryAtMs: 0, atMs: journal.tick() },
    { type: 'TaskScheduled', taskId: 'ask', mapIndex: -1, tryNumber: 2, atMs: journal.tick() },
  ]);
  await house.caughtUp();
  expect((await house.get(path)).status).toBe(404);
  await journal.append(runStream('asking', 'twice'), [{ type: 'TaskAwaitingInput', taskId: 'ask', mapIndex: -1, tryNumber: 2, epoch: 1, request: { ...REQUEST, subject: 'Once more?' }, atMs: journal.tick() }]);
  await house.caughtUp();
  expect((await house.get(`${path}/tries/1`)).body).toMatchObject({ subject: 'How many rows?', response_received: false, task_instance: { try_number: 1, state: 'failed' } });
  expect((await house.get(`${path}/tries/2`)).body).toMatchObject({ subject: 'Once more?', task_instance: { try_number: 2, state: 'awaiting_input' } });
  const subjects = async (query: string): Promise<string[]> => (await house.get(`/api/v2/dags/~/dagRuns/~/hitlDetails?${query}`)).body.hitl_details.map((detail: { subject: string; task_instance: { dag_run_id: string } }) => `${detail.task_instance.dag_run_id}: ${detail.subject}`);
  expect(await subjects('subject_search=ONCE')).toEqual(['twice: Once more?']);
  expect(await subjects('response_received=true&responded_by_user_id=admin')).toEqual(['once: How many rows?']);
  expect(await subjects('state=awaiting_input&order_by=-created_at&limit=1')).toEqual(['twice: Once more?']);
  expect((await house.get('/api/v2/dags/asking/dagRuns/twice/hitlDetails')).body.total_entries).toBe(1);
  expect((await house.get('/api/v2/dags/~/dagRuns/~/hitlDetails?order_by=nonsense')).status).toBe(400);
});
