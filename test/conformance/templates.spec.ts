import { expect, it } from 'vitest';
import { judgeRecorded } from './oracle.ts';

it('renders templates as Airflow did', async () => {
  expect(await judgeRecorded('templates')).toEqual({ rows: 297, differences: [] });
});
