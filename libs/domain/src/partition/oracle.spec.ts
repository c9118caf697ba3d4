import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cronPartitionDateMs, scheduledPartition } from './cron-partition.ts';
import type { CronPartition, PartitionMapper } from './definition.ts';
import { downstreamKeys, expectedKeys, isComplete, partitionDateMs } from './mapper.ts';
import { mapperProblems } from './validate.ts';

/** What Airflow 3.3.2's own mappers and CronPartitionTimetable answered; `?`: it raised. */
type Row =
  | { readonly ask: 'downstream'; readonly mapper: PartitionMapper; readonly key: string; readonly keys: readonly string[]; readonly dates: readonly (number | null | '?')[] }
  | { readonly ask: 'rollup'; readonly mapper: Extract<PartitionMapper, { kind: 'rollup' }>; readonly key: string; readonly expected: readonly string[]; readonly arrived: readonly string[]; readonly complete: boolean }
  | { readonly ask: 'cron'; readonly cron: string; readonly timezone: string; readonly offset: number | null; readonly keyFormat: string | null; readonly runAfterMs: number; readonly key: string; readonly dateMs: number; readonly decodedMs: number | '?' };

const rows = readFileSync(new URL('../../../../test/oracles/partitions.jsonl', import.meta.url), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Row);
const of = <A extends Row['ask']>(ask: A): readonly Extract<Row, { ask: A }>[] => rows.filter((row): row is Extract<Row, { ask: A }> => row.ask === ask);

describe('as Airflow', () => {
  it('maps keys to runs, and runs to dates', () => {
    const asked = of('downstream');
    expect(asked).toHaveLength(700);
    const answers = asked.map((row) => {
      const keys = downstreamKeys(row.mapper, row.key);
      return { ...row, keys, dates: keys.slice(0, row.dates.length).map((key) => partitionDateMs(row.mapper, key) ?? (partitionDateMs(row.mapper, key) === null ? null : '?')) };
    });
    expect(answers).toEqual(asked);
  });

  it('knows what a rollup waits for, and when it waits no more', () => {
    const asked = of('rollup');
    expect(asked).toHaveLength(300);
    expect(asked.map((row) => ({ ...row, expected: [...(expectedKeys(row.mapper, row.key) ?? [])].sort(), complete: isComplete(row.mapper, row.key, new Set(row.arrived)) }))).toEqual(asked);
  });

  it('gives the runs of a cron their keys, and reads them', () => {
    const asked = of('cron');
    expect(asked).toHaveLength(150);
    const answers = asked.map((row) => {
      const partition: CronPartition = { ...(row.offset === null ? {} : { offset: row.offset }), ...(row.keyFormat === null ? {} : { keyFormat: row.keyFormat }) };
      const { partitionKey, partitionDateMs: dateMs } = scheduledPartition({ kind: 'cronTrigger', cron: row.cron, timezone: row.timezone, partition }, row.runAfterMs) ?? {};
      return { ...row, key: partitionKey, dateMs, decodedMs: cronPartitionDateMs({ timezone: row.timezone, partition }, row.key) ?? '?' };
    });
    expect(answers).toEqual(asked);
  });

  it('refuses a rollup only where none of its runs could ever be made', () => {
    const fires = of('rollup').filter(({ mapper, key, expected, arrived, complete }) => complete && expected.length > 1 && arrived.every((one) => downstreamKeys(mapper, one).includes(key)));
    expect(fires.length).toBeGreaterThan(50);
    expect(fires.filter(({ mapper }) => mapperProblems(mapper, 'm').length > 0)).toEqual([]);
  });
});
