import { describe, expect, it } from 'vitest';
import { dagListSearch, gridSearch, runListSearch, taskInstanceSearch } from './search.ts';

describe('search', () => {
  it('keeps what it knows', () => {
    expect(dagListSearch({ q: 'load', paused: false, page: 2 })).toEqual({ q: 'load', paused: false, page: 2 });
    expect(gridSearch({ runs: 50, run: 'r', task: 't', map: 0, try: 2, tab: 'logs' })).toEqual({ runs: 50, run: 'r', task: 't', map: 0, try: 2, tab: 'logs' });
    expect(runListSearch({ state: 'failed' })).toEqual({ state: 'failed' });
  });

  it('drops what it does not, instead of refusing the address', () => {
    expect(dagListSearch({ q: '', paused: 'maybe', page: -1, other: 1 })).toEqual({});
    expect(gridSearch({ runs: 7, map: -1, try: 0, tab: null })).toEqual({});
    expect(runListSearch({ state: 'exploded', page: '' })).toEqual({});
    expect(taskInstanceSearch({ map: 'x', try: null })).toEqual({});
  });

  it('reads a name that looks like a number as a name', () => {
    expect(dagListSearch({ q: 42 })).toEqual({ q: '42' });
  });
});
