import { expect, it } from 'vitest';
import { judgeRecorded } from './oracle.ts';

it('renders templates as Airflow did', async () => {
  expect(await judgeRecorded('templates')).toEqual({ rows: 297, differences: [] });
});

it('renders templates as Airflow does, where fresh ones told the two apart', async () => {
  expect(await judgeRecorded('templates', 'fresh')).toEqual({ rows: 398, differences: [] });
});
