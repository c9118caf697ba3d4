import type { CommandBody } from '@dagbook/contracts';
import type { DagDefinition } from '@dagbook/domain';
import { Journal, PIPELINE, withPostgres } from '@dagbook/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { House } from '../test/house.ts';

const postgres = withPostgres();
let house: House;
let journal: Journal;
let commands: (readonly [dagId: string, body: CommandBody])[] = [];

const DAY = Date.parse('2026-01-05T00:00:00Z');
const HOUR_MS = 3_600_000;

/** `work`, then a marker of `marks`, which a task `after` follows. */
const dagOf = (dagId: string, marks: { readonly dagId: string; readonly taskId: string; readonly laterByMs?: number; readonly depth?: number } | undefined): DagDefinition => ({
  ...PIPELINE, dagId, tags: [],
  tasks: [
    { taskId: 'work', operator: 'bash', upstream: [] },
    { taskId: 'mark', operator: 'externalTaskMarker', kind: 'empty', upstream: ['work'], ...(marks === undefined ? {} : { marks }) },
    { taskId: 'after', operator: 'bash', upstream: ['mark'] },
  ],
});

async function ran(definition: DagDefinition, logicalDateMs: number): Promise<void> {
  await journal.dag(definition);
  await journal.run(definition, 'r', { logicalDateMs });
  for (const { taskId } of definition.tasks) await journal.succeed(definition.dagId, 'r', taskId);
}

beforeAll(async () => {
  house = await House.open(postgres);
  journal = new Journal(postgres.stores.events);
  await ran(dagOf('a', { dagId: 'b', taskId: 'work', laterByMs: HOUR_MS }), DAY);
  await ran(dagOf('b', { dagId: 'c', taskId: 'mark' }), DAY + HOUR_MS);
  // Back to where it came from, an hour before its own.
  await ran(dagOf('c', { dagId: 'a', taskId: 'after', laterByMs: -HOUR_MS }), DAY + HOUR_MS);
  await ran(dagOf('short', { dagId: 'b', taskId: 'work', laterByMs: HOUR_MS, depth: 1 }), DAY);
  await ran(dagOf('lonely', { dagId: 'b', taskId: 'work' }), DAY);
  await ran(dagOf('wrong', { dagId: 'c', taskId: 'nope' }), DAY + HOUR_MS);
  await house.answerCommands(async (dagId, body) => {
    commands.push([dagId, body]);
    return { kind: 'done', position: null };
  });
  await house.caughtUp();
});
beforeEach(() => {
  commands = [];
});
afterAll(() => house.close());

const clear = (dagId: string, body: object) => house.ask('POST', `/api/v2/dags/${dagId}/clearTaskInstances`, { body: { dag_run_id: 'r', only_failed: false, ...body } });
const touched = (body: { task_instances: { dag_id: string; task_id: string }[] }): string[] => body.task_instances.map((instance) => `${instance.dag_id}.${instance.task_id}`);

describe('a clear that covers an external task marker', () => {
  it('shows what the marker names and all downstream, through further markers, each once', async () => {
    const { status, body } = await clear('a', { task_ids: ['mark'] });
    expect([status, touched(body)]).toEqual([200, ['a.mark', 'b.after', 'b.mark', 'b.work', 'c.after', 'c.mark', 'a.after']]);
    expect(commands).toEqual([]);
  });

  it('asks each DAG for its part, once for a key', async () => {
    const headers = { 'idempotency-key': 'k'.repeat(128) };
    const body = { dag_run_id: 'r', only_failed: false, task_ids: ['mark'], dry_run: false };
    const answers = [await house.ask('POST', '/api/v2/dags/a/clearTaskInstances', { body, headers }), await house.ask('POST', '/api/v2/dags/a/clearTaskInstances', { body, headers })];
    expect(answers.map((answer) => [answer.status, touched(answer.body).length])).toEqual([[200, 7], [200, 7]]);
    const rest = { downstream: true, onlyFailed: false, onlyRunning: false, resetRun: true, user: 'admin' };
    expect(commands).toEqual([
      ['a', { type: 'ClearTasks', runId: 'r', tasks: [{ taskId: 'mark' }], ...rest, upstream: false, downstream: false }],
      ['b', { type: 'ClearTasks', runId: 'r', tasks: [{ taskId: 'work' }], ...rest, upstream: false }],
      ['c', { type: 'ClearTasks', runId: 'r', tasks: [{ taskId: 'mark' }], ...rest, upstream: false }],
      ['a', { type: 'ClearTasks', runId: 'r', tasks: [{ taskId: 'after' }], ...rest, upstream: false }],
    ]);
  });

  it('follows a cleared run too', async () => {
    const { body } = await house.ask('POST', '/api/v2/dags/b/dagRuns/r/clear', { body: {} });
    expect(touched(body)).toEqual(['b.after', 'b.mark', 'b.work', 'c.after', 'c.mark', 'a.after']);
    expect((await house.ask('POST', '/api/v2/dags/b/dagRuns/r/clear', { body: { dry_run: false } })).status).toBe(200);
    expect(commands.map(([dagId]) => dagId)).toEqual(['b', 'c', 'a']);
  });

  it.each([
    ['does not cover the marker', 'a', { task_ids: ['after'] }, ['a.after']],
    ['covers only what failed', 'a', { task_ids: ['mark'], only_failed: true }, []],
    ['finds no run of that date', 'lonely', { task_ids: ['mark'] }, ['lonely.mark']],
    ['finds no such task', 'wrong', { task_ids: ['mark'] }, ['wrong.mark']],
  ])('and goes nowhere when it %s', async (_, dagId, body, expected) => {
    expect(touched((await clear(dagId, body)).body)).toEqual(expected);
  });

  it('is refused when it leads through more DAGs than the marker allows, and nothing is cleared', async () => {
    const { status, body } = await clear('short', { task_ids: ['mark'], dry_run: false });
    expect([status, body.detail]).toEqual([409, 'External task markers lead further than the first of them allows, from DAG b to DAG c. Nothing was cleared: raise its recursionDepth, or clear the DAGs one by one']);
    expect(commands).toEqual([]);
  });
});
