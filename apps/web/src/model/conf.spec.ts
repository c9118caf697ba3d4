import { describe, expect, it } from 'vitest';
import { parseConf } from './conf.ts';

describe('parseConf', () => {
  it('takes an object, and nothing for the empty one', () => {
    expect(parseConf('{"day": 1}')).toEqual({ ok: true, conf: { day: 1 } });
    expect(parseConf('  ')).toEqual({ ok: true, conf: {} });
  });

  it.each([['[1]', 'array'], ['null', 'null'], ['"x"', 'string'], ['3', 'number']])('refuses %s: it is a %s', (typed, reason) => {
    expect(parseConf(typed)).toEqual({ ok: false, reason });
  });

  it('says where JSON breaks', () => {
    expect(parseConf('{"a":}')).toEqual({ ok: false, reason: expect.stringContaining('Unexpected token') });
  });
});
