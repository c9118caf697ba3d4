import { expect, it } from 'vitest';
import { refusalStatus } from './refusal-status.ts';

it.each([['dag_not_partitioned', 400], ['invalid_partition_key', 400], ['invalid_asset_event', 422], ['run_exists', 409], ['toString', 409]])('%s is %i', (code, status) => {
  expect(refusalStatus(code)).toBe(status);
});
