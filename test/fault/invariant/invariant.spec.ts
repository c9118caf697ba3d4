import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { withPostgres } from '@dagbook/testkit';
import { beforeEach, describe, expect, it } from 'vitest';

const postgres = withPostgres();
const STREAM = 'run-lattice_0/r1';
const ATTEMPT = 'attempt-lattice_0/r1/t0_0/-1/1';

type Event = readonly [type: string, data?: object];
const of = (taskId: string, more: object = {}) => ({ taskId, mapIndex: -1, tryNumber: 1, ...more });
const LIFE: readonly Event[] = [['RunCreated'], ['RunStarted'], ['TaskScheduled', of('t0_0')], ['TaskStarted', of('t0_0', { epoch: 1 })], ['TaskSucceeded', of('t0_0', { epoch: 1 })], ['RunSucceeded']];

/** Past every check of the store: these are histories that must never be. */
async function write(streamId: string, events: readonly Event[], versions: readonly number[] = events.map((_, index) => index + 1)): Promise<void> {
  for (const [index, [type, data]] of events.entries()) {
    await postgres.stores.pool.query('INSERT INTO events (stream_id, version, event_id, stored_at_ms, schema_version, type, data) VALUES ($1, $2, $3, 0, 1, $4, $5)', [streamId, versions[index], randomUUID(), type, JSON.stringify(data ?? {})]);
  }
}

async function violations(invariant: string, values: readonly unknown[]): Promise<string[]> {
  const sql = readFileSync(fileURLToPath(new URL(`./${invariant}.sql`, import.meta.url)), 'utf8');
  return (await postgres.stores.pool.query<{ violation: string }>(sql, [...values])).rows.map((row) => row.violation);
}

const replaced = (type: string, ...events: readonly Event[]): Event[] => LIFE.flatMap((event) => (event[0] === type ? events : [event]));

beforeEach(async () => {
  await postgres.stores.pool.query('TRUNCATE events, attempt_leases, open_runs, commands');
  await write(ATTEMPT, [['AttemptGranted']]);
});

describe('a history as it should be', () => {
  it('violates nothing', async () => {
    await write(STREAM, LIFE);
    expect(await violations('lost-task', [[STREAM], 1])).toEqual([]);
    expect(await violations('attempts', [[STREAM], 0])).toEqual([]);
    expect(await violations('transitions', [[STREAM]])).toEqual([]);
    expect(await violations('streams', [])).toEqual([]);
    expect(await violations('order', [[STREAM], 2])).toEqual([]);
    expect(await violations('leftovers', [])).toEqual([]);
  });
});

describe('found is', () => {
  it('a task that was lost, and a run that has not ended', async () => {
    await write(STREAM, replaced('TaskSucceeded').slice(0, -1));
    expect(await violations('lost-task', [[STREAM, 'run-lattice_0/r2'], 1])).toEqual([
      `${STREAM}: 0 of 1 tasks succeeded, run ended 0 times in success`, 'run-lattice_0/r2: 0 of 1 tasks succeeded, run ended 0 times in success',
    ]);
  });

  it.each([
    ['a gap between tries', replaced('TaskScheduled', ['TaskScheduled', of('t0_0', { tryNumber: 2 })]), 'lattice_0/r1/t0_0/-1: tries {2}'],
    ['a task that ended twice', replaced('RunSucceeded', ['TaskSucceeded', of('t0_0')], ['RunSucceeded']), 'lattice_0/r1/t0_0/-1: 2 terminal events'],
    ['an attempt that ended twice', replaced('TaskSucceeded', ['TaskRetryScheduled', of('t0_0', { epoch: 1 })], ['TaskSucceeded', of('t0_0', { epoch: 1 })]), 'lattice_0/r1/t0_0/-1 try 1 epoch 1: ended 2 times'],
    ['an epoch that nobody granted', replaced('TaskSucceeded', ['TaskSucceeded', of('t0_0', { epoch: 2 })]), 'lattice_0/r1/t0_0/-1 try 1: TaskSucceeded of epoch 2, which was never granted'],
    ['a run that ended twice', [...LIFE, ['RunFailed'] as const], `${STREAM}: the run ended 2 times`],
  ])('%s', async (_, events, violation) => {
    await write(STREAM, events);
    expect(await violations('attempts', [[STREAM], 5])).toEqual([violation]);
  });

  it('a transition that is not legal', async () => {
    await write(STREAM, replaced('TaskStarted'));
    expect(await violations('transitions', [[STREAM]])).toEqual([`${STREAM} version 4 t0_0: TaskSucceeded after TaskScheduled`]);
  });

  it('a gap in a stream, and an order of the feed that is not that of the versions', async () => {
    await write(STREAM, LIFE, [1, 2, 3, 4, 5, 7]);
    await write('run-lattice_0/r2', LIFE.slice(0, 2), [2, 1]);
    expect(await violations('streams', [])).toEqual([`${STREAM}: versions 1..7, 6 events`, 'run-lattice_0/r2 version 2 stands before its predecessor in the feed']);
  });

  it('a task that did not wait for those above it', async () => {
    await write(STREAM, [['TaskScheduled', of('t0_0')], ['TaskSucceeded', of('t0_0')], ['TaskScheduled', of('t1_0')], ['TaskSucceeded', of('t0_1')]]);
    expect(await violations('order', [[STREAM], 2])).toEqual([`${STREAM}: t1_0 was ready before t0_1 had succeeded`]);
  });

  it('what is left over', async () => {
    await postgres.stores.pool.query(`INSERT INTO open_runs VALUES ('d', 'r')`);
    await postgres.stores.pool.query(`INSERT INTO commands (command_id, dag_id, partition, body, stored_at_ms) VALUES ('c', 'd', 0, '{}', 0)`);
    await postgres.stores.pool.query(`INSERT INTO attempt_leases VALUES ('d/r/a/-1/1', 3, 'w', 'i', 'd', 'r', 'a', 'q', 'p', 1, 1000, now())`);
    expect((await violations('leftovers', [])).sort()).toEqual(['command c has no outcome', 'lease of d/r/a/-1/1 at epoch 3 on w', 'open run d/r']);
  });
});
