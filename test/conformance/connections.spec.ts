import { expect, it } from 'vitest';
import { judgeRecorded } from './oracle.ts';

it('reads connections as Airflow did', async () => {
  expect(await judgeRecorded('connections')).toEqual({ rows: 24, differences: [] });
});

it('reads connections as Airflow does, broken ones too', async () => {
  expect(await judgeRecorded('connections', 'fresh')).toEqual({ rows: 85, differences: [] });
});
