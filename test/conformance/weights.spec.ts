import { expect, it } from 'vitest';
import { judgeRecorded } from './oracle.ts';

it('weighs tasks as Airflow did', async () => {
  expect(await judgeRecorded('weights')).toEqual({ rows: 60, differences: [] });
});

it('bounds weights as Airflow does', async () => {
  expect(await judgeRecorded('weights', 'fresh')).toEqual({ rows: 20, differences: [] });
});
