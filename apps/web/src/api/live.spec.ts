import { describe, expect, it } from 'vitest';
import { keysOf } from './live.ts';
import { dagKey, dagsKey, importErrorsKey, runKey } from './query.ts';

describe('keysOf', () => {
  it.each([
    ['dags', '{"dag_ids":["a"]}', [dagsKey]],
    ['dag', '{"dag_id":"a","dag_run_ids":["r"]}', [dagKey('a')]],
    ['run', '{"dag_id":"a","dag_run_id":"r","task_ids":[]}', [runKey('a', 'r')]],
    ['import_errors', '{}', [importErrorsKey, dagsKey]],
    ['reset', '{}', [[]]],
    ['ready', '', []],
    ['dag', '{}', []],
    ['something_newer', '{}', []],
  ])('of %s %s', (event, data, keys) => {
    expect(keysOf({ event, data })).toEqual(keys);
  });
});
