import { expect, it } from 'vitest';
import { judgeRecorded } from '../conformance/oracle.ts';

it('runs 288 random DAGs with real task processes to the ends that Airflow came to', async () => {
  expect(await judgeRecorded('dagruns')).toEqual({ rows: 288, differences: [] });
});
