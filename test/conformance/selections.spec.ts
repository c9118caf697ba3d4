import { expect, it } from 'vitest';
import { judgeRecorded } from './oracle.ts';

it('covers by a clear what Airflow did', async () => {
  expect(await judgeRecorded('selections')).toEqual({ rows: 180, differences: [] });
});

it('covers by a clear what Airflow does, with other DAGs', async () => {
  expect(await judgeRecorded('selections', 'fresh')).toEqual({ rows: 30, differences: [] });
});
