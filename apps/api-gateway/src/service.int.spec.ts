import { withPostgres } from '@dagbook/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { House } from '../test/house.ts';
import { Journal, PIPELINE, planHashOf } from '@dagbook/testkit';
import { runStream } from '@dagbook/contracts';

const postgres = withPostgres();
let house: House;
let journal: Journal;

beforeAll(async () => {
  house = await House.open(postgres);
  journal = new Journal(postgres.stores.events);
  await journal.dag(PIPELINE);
  await journal.run(PIPELINE, 'r1');
  await journal.succeed('pipeline', 'r1', 'extract');
  await journal.append(runStream('pipeline', 'r1'), [{ type: 'TaskExpanded', taskId: 'load', length: 3, atMs: journal.tick() }]);
  await journal.succeed('pipeline', 'r1', 'load', { mapIndex: 0 });
  await journal.start('pipeline', 'r1', 'load', { mapIndex: 1 });
  await house.caughtUp();
});
afterAll(() => house.close());

describe('reads', () => {
  it('lists DAGs in Airflow’s shape', async () => {
    const { status, body } = await house.get('/api/v2/dags');
    expect(status).toBe(200);
    expect(body.total_entries).toBe(1);
    expect(body.dags[0]).toMatchObject({ dag_id: 'pipeline', is_paused: false, tags: [{ name: 'etl' }, { name: 'weather' }], owners: ['data'], timetable_summary: '0 3 * * *' });
  });

  it('packs the states of a run in the order of its structure', async () => {
    const { body } = await house.get('/ui/grid/pipeline');
    expect(body).toMatchObject({
      structure: planHashOf(PIPELINE),
      runs: [{ dag_run_id: 'r1', state: 'running', states: 'Sr-', mapped: { load: { success: 1, running: 1, none: 1 } } }],
    });
    const structure = await house.get(`/ui/grid/pipeline/structures/${body.structure}`);
    expect(structure.body.tasks.map((task: { task_id: string }) => task.task_id)).toEqual(['extract', 'load', 'report']);
  });

  it('serves its contract', async () => {
    const { status, body } = await house.get('/openapi.json');
    expect(status).toBe(200);
    expect(Object.keys(body.paths).length).toBeGreaterThan(25);
  });
});
