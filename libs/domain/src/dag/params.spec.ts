import { describe, expect, it } from 'vitest';
import type { Json } from '../json.ts';
import { problemText } from '../problem.ts';
import { paramProblems } from './params.ts';
import { decideTrigger } from './trigger.ts';

const schema: Json = {
  type: 'object',
  required: ['day', 'bucket'],
  additionalProperties: false,
  properties: {
    day: { type: 'string', format: 'date' },
    at: { type: 'string', format: 'date-time' },
    bucket: { type: 'string', minLength: 2, maxLength: 5 },
    n: { type: 'integer', minimum: 1, exclusiveMaximum: 10, multipleOf: 3 },
    mode: { enum: ['full', 'delta'] },
    fixed: { const: { a: 1 } },
    tags: { type: 'array', items: { type: 'string' }, maxItems: 2, uniqueItems: true },
    pair: { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }] },
    size: { anyOf: [{ type: 'null' }, { type: 'number' }] },
    either: { oneOf: [{ type: 'integer' }, { type: 'number' }] },
    other: { not: { type: 'null' } },
    table: { type: 'object', required: ['name'], properties: { name: { type: 'string' } }, additionalProperties: false },
    tree: { $ref: '#/$defs/node' },
    loop: { $ref: '#/properties/loop' },
    both: { allOf: [{ type: 'number' }, { minimum: 5 }] },
    never: false,
  },
  $defs: { node: { type: 'object', properties: { children: { type: 'array', items: { $ref: '#/$defs/node' } } } } },
};
const wrong = (conf: { readonly [name: string]: Json }): string[] => paramProblems({ schema, defaults: { day: '2026-01-01', bucket: 'lake' } }, conf).map(({ field }) => field);

describe('conf against the schema of the params', () => {
  it.each<[{ readonly [name: string]: Json }]>([
    [{}], [{ unknown: 1 }], [{ day: '2026-01-05', bucket: '깊은호수', n: 3, mode: 'full', tags: ['a', 'b'], size: null }], [{ fixed: { a: 1 }, pair: ['a', 1, true], either: 1.5, other: 0, both: 5 }],
    [{ at: '2026-01-05T06:00:00+09:00', table: { name: 'x' }, tree: { children: [{ children: [] }] }, loop: 1 }],
  ])('allows %j', (conf) => {
    expect(wrong(conf)).toEqual([]);
  });

  it.each<[{ readonly [name: string]: Json }, string]>([
    [{ day: '2026-02-30' }, 'params.day'], [{ day: '2026-01-05T00:00:00Z' }, 'params.day'], [{ at: 'noon' }, 'params.at'], [{ day: 5 }, 'params.day'], [{ bucket: 'x' }, 'params.bucket'],
    [{ bucket: 'too long' }, 'params.bucket'], [{ n: 0 }, 'params.n'], [{ n: 12 }, 'params.n'], [{ n: 4 }, 'params.n'], [{ n: 1.5 }, 'params.n'], [{ mode: 'none' }, 'params.mode'],
    [{ fixed: { a: 2 } }, 'params.fixed'], [{ tags: ['a', 'a'] }, 'params.tags'], [{ tags: ['a', 1] }, 'params.tags[1]'], [{ tags: ['a', 'b', 'c'] }, 'params.tags'], [{ pair: [1] }, 'params.pair[0]'],
    [{ size: 'big' }, 'params.size'], [{ either: 1 }, 'params.either'], [{ other: null }, 'params.other'], [{ table: {} }, 'params.table.name'], [{ table: { name: 'x', more: 1 } }, 'params.table.more'],
    [{ tree: { children: [{ children: 1 }] } }, 'params.tree.children[0].children'], [{ both: 4 }, 'params.both'], [{ never: 1 }, 'params.never'],
  ])('refuses %j', (conf, field) => {
    expect(new Set(wrong(conf))).toEqual(new Set([field]));
  });

  it('asks for patterns where somebody can judge them', () => {
    const params = { schema: { type: 'object', properties: { zip: { type: 'string', pattern: '^[0-9]{5}$' } } }, defaults: {} };
    expect(paramProblems(params, { zip: 'abc' })).toEqual([]);
    expect(paramProblems(params, { zip: 'abc' }, (pattern, text) => pattern === '^[0-9]{5}$' && text !== 'abc').map(problemText)).toEqual(['params.zip is "abc", which does not match the pattern ^[0-9]{5}$; give it in that form.']);
    expect(paramProblems(params, { zip: '06236' }, () => true)).toEqual([]);
  });

  it('names what nobody gave', () => {
    expect(paramProblems({ schema, defaults: { day: '2026-01-01' } }, {}).map(problemText)).toEqual(['params.bucket is missing and has no default; give it in conf.']);
  });
});

describe('a trigger', () => {
  const request = (conf: Json) => ({
    definition: { dagId: 'd', timezone: 'UTC', schedule: { kind: 'none' as const }, params: { schema, defaults: { day: '2026-01-01', bucket: 'lake' } }, tasks: [] }, logicalDateMs: null, conf, nowMs: 1,
  });

  it('is refused for a param that fails its schema, with field, value, rule and remedy', () => {
    expect(decideTrigger(request({ n: 'x' }))).toEqual({ rejected: true, code: 'invalid_param', message: 'params.n is "x", which is no integer; give an integer.' });
  });

  it('is refused for a conf so deep that walking it would exhaust the stack', () => {
    let conf: Json = {};
    for (let depth = 0; depth < 10_000; depth += 1) conf = { a: conf };
    expect(decideTrigger(request(conf))).toMatchObject({ code: 'conf_too_deep' });
  });
});
