import { describe, expect, it } from 'vitest';
import { ApiFailure, path, sentenceOf, settled } from './client.ts';

describe('path', () => {
  it('escapes what is filled in', () => {
    expect(path`/dags/${'a'}/dagRuns/${'manual__2026-11-24T00:00:00+00:00'}/x/${-1}`)
      .toBe('/dags/a/dagRuns/manual__2026-11-24T00%3A00%3A00%2B00%3A00/x/-1');
  });
});

describe('sentenceOf', () => {
  it.each([
    [{ detail: 'The DAG was not found' }, 'The DAG was not found'],
    [{ detail: [{ loc: ['body', 'conf', 'day'], msg: 'must be a date' }, { loc: ['body'], msg: 'unknown field' }] }, 'conf.day: must be a date; unknown field'],
    [{ detail: { reason: 'invalid_state' } }, 'invalid_state'],
    ['<html>', ''],
    [{}, ''],
    [null, ''],
  ])('of %j is "%s"', (body, sentence) => {
    expect(sentenceOf(body)).toBe(sentence);
  });
});

describe('settled', () => {
  it('hands on what is done, and tells of what is not done yet', () => {
    expect(settled({ dag_run_id: 'r' })).toEqual({ dag_run_id: 'r' });
    expect(() => settled({ command_id: 'c', detail: 'Stored' })).toThrow(new ApiFailure(202, 'Stored'));
  });
});
