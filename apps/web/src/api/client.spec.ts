import { describe, expect, it } from 'vitest';
import { path, queryString, sentenceOf } from './client.ts';

describe('path', () => {
  it('escapes what is filled in', () => {
    expect(path`/dags/${'a'}/dagRuns/${'manual__2026-11-24T00:00:00+00:00'}/x/${-1}`)
      .toBe('/dags/a/dagRuns/manual__2026-11-24T00%3A00%3A00%2B00%3A00/x/-1');
  });
});

describe('queryString', () => {
  it('leaves out what is not set and repeats lists', () => {
    expect(queryString({ limit: 5, paused: false, q: '', none: null, missing: undefined, tags: ['a', 'b'] })).toBe('?limit=5&paused=false&tags=a&tags=b');
    expect(queryString({})).toBe('');
  });
});

describe('sentenceOf', () => {
  it.each([
    ['{"detail":"The DAG was not found"}', 'The DAG was not found'],
    ['{"detail":[{"loc":["body","conf","day"],"msg":"must be a date"},{"loc":["body"],"msg":"unknown field"}]}', 'conf.day: must be a date; unknown field'],
    ['{"detail":{"reason":"invalid_state"}}', 'invalid_state'],
    ['<html>', ''],
    ['{}', ''],
  ])('of %s is "%s"', (body, sentence) => {
    expect(sentenceOf(body)).toBe(sentence);
  });
});
