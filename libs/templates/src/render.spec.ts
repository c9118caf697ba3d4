import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { render, renderSteps, TemplateError } from './index.ts';
import type { Limits, Lookup, LookupAnswer, RenderOptions, TemplateContext } from './index.ts';

const CONTEXT: TemplateContext = {
  logicalDateMs: Date.UTC(2026, 2, 5), dataInterval: { startMs: Date.UTC(2026, 2, 5), endMs: Date.UTC(2026, 2, 6) }, runId: 'manual__x',
  params: { list: [1, 2, 3], text: 'a <b>', nested: { a: 1 } }, dagRun: { conf: {}, dag_id: 'etl' }, ti: { task_id: 'load', try_number: 2 },
};
const nothing = (): LookupAnswer => ({ found: false });

const rendered = (template: string, options: RenderOptions = {}): string => render(template, CONTEXT, nothing, options);

function failure(template: string, limits?: Partial<Limits>): string {
  try {
    return `rendered ${rendered(template, limits === undefined ? {} : { limits })}`;
  } catch (error) {
    if (error instanceof TemplateError) return error.exception;
    throw error;
  }
}

describe('look-ups', () => {
  const ANSWERS: { readonly [kind in Lookup['kind']]: LookupAnswer } = {
    variable: { found: true, value: '{"k": [1, null]}' },
    connection: { found: true, value: { conn_type: 'postgres', host: 'db', password: 'p@ss', port: 5432, extra: '{"sslmode": "require"}', uri: 'postgres://db' } },
    xcom: { found: true, value: { rows: 3 } },
    template: { found: true, value: 'from {{ ds }}' },
    state: { found: true, value: { page: 3 } },
  };
  const asked = (template: string): { readonly text: string; readonly lookups: readonly Lookup[] } => {
    const lookups: Lookup[] = [];
    const text = render(template, CONTEXT, (lookup) => {
      lookups.push(lookup);
      return ANSWERS[lookup.kind];
    });
    return { text, lookups };
  };

  it('asks for each value once, in the order in which it is needed', () => {
    expect(asked('{{ var.value.a }}{{ var.value.a }}{{ conn.db.host }}:{{ conn.db.port }} {{ conn.db.extra_dejson.sslmode }} {{ conn.db.get_uri() }}')).toEqual({
      text: '{"k": [1, null]}{"k": [1, null]}db:5432 require postgres://db',
      lookups: [{ kind: 'variable', key: 'a' }, { kind: 'connection', connectionId: 'db' }],
    });
  });

  it('reads XComs of one task and of several, JSON variables and template files', () => {
    const xcom = { kind: 'xcom', dagId: undefined, runId: undefined, mapIndexes: undefined, includePriorDates: false } as const;
    expect(asked('{{ ti.xcom_pull("extract").rows }} {{ ti.xcom_pull(task_ids=["a", "b"], key="k") }} {{ var.json.cfg.k[1] }} {% include "x.sql" %}')).toEqual({
      text: "3 [{'rows': 3}, {'rows': 3}] None from 2026-03-05",
      lookups: [
        { ...xcom, taskId: 'extract', key: 'return_value' }, { ...xcom, taskId: 'a', key: 'k' }, { ...xcom, taskId: 'b', key: 'k' },
        { kind: 'variable', key: 'cfg' }, { kind: 'template', name: 'x.sql' },
      ],
    });
  });

  it('reads states of the task and of assets, and writes none', () => {
    const state = { kind: 'state', uri: undefined } as const;
    expect(asked("{{ task_state_store.get('a', 'b').page }} {{ asset_state_store.get('c') }} {{ asset_state_store['s3://x'].get('d', default=4) }} {{ asset_state_store[{'uri': 's3://y'}].get('e') }}")).toEqual({
      text: "3 {'page': 3} {'page': 3} {'page': 3}", lookups: [{ ...state, of: 'task', key: 'a' }, { ...state, of: 'asset', key: 'c' }, { ...state, of: 'asset', uri: 's3://x', key: 'd' }, { ...state, of: 'asset', uri: 's3://y', key: 'e' }],
    });
    expect(rendered("{{ task_state_store.get('a', 'b') }} {{ asset_state_store['s3://x'].get('d') }}")).toBe('b None');
    expect([failure("{{ task_state_store.set('a', 1) }}"), failure("{{ asset_state_store[3] }}")]).toEqual(['UndefinedError', 'UndefinedError']);
  });

  it('falls back where a value is not there, and fails where nothing is to fall back to', () => {
    expect(rendered('{{ var.value.get("a", "b") }} {{ conn.get("c") }} {{ ti.xcom_pull("t", default=7) }} {{ ti.xcom_pull("t") }}')).toBe('b None 7 None');
    expect([failure('{{ var.value.a }}'), failure('{{ conn.a }}'), failure('{% include "a" %}')]).toEqual(['AirflowRuntimeError', 'AirflowNotFoundException', 'TemplateNotFound']);
  });

  it('shows no secret of a connection that is printed as a whole', () => {
    expect(asked('{{ conn.db }} {{ [conn.db] }} {{ conn }} {{ var }}').text).not.toContain('p@ss');
  });

  it('is stepped by its caller', () => {
    const steps = renderSteps('{{ var.value.a }}', CONTEXT);
    expect(steps.next()).toEqual({ done: false, value: { kind: 'variable', key: 'a' } });
    expect(steps.next({ found: true, value: 'x' })).toEqual({ done: true, value: 'x' });
  });
});

it('calls macros and filters of a site with JSON', () => {
  const options: RenderOptions = {
    macros: { table: (day, names) => `t_${JSON.stringify([day, names])}`, fails: () => { throw new Error('no such day'); } },
    filters: { shout: (text) => `${text as string}!` },
  };
  expect(rendered('{{ table(logical_date, suffix=[1, 2.5]) }} {{ "a" | shout }} {{ ["a"] | map("shout") | join }}', options)).toBe('t_["2026-03-05T00:00:00+00:00",{"suffix":[1,2.5]}] a! a!');
  expect(() => rendered('{{ fails() }}', options)).toThrow(new TemplateError('RuntimeError', 'The macro fails failed: no such day'));
});

describe('limits', () => {
  it.each<readonly [string, string, Partial<Limits>]>([
    ['output', '{% for i in range(100) %}xxxxxxxxxx{% endfor %}', { maxOutputLength: 500 }],
    ['text made along the way', '{% set x = "abc" * 1000 %}', { maxAllocation: 1000 }],
    ['text that doubles', '{% set ns = namespace(x="ab") %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}', {}],
    ['a width', '{{ "%999999999d" % 1 }}', {}],
    ['a list that grows while it is gone through', '{% set l = [1] %}{% for i in l %}{% do l.append(i) %}{% endfor %}', { maxIterations: 1000 }],
    ['loops', '{% for i in range(1000) %}{% for j in range(1000) %}{% endfor %}{% endfor %}', { maxIterations: 10_000 }],
    ['ints', '{{ 10 ** 100000000 }}', {}],
    ['digits', '{{ "%.200000000f" % 1.5 }}{{ "{:0200000000,}".format(1) }}', {}],
    ['look-ups', '{% for i in range(20) %}{{ var.value.get(i ~ "") }}{% endfor %}', { maxLookups: 10 }],
  ])('ends a template at its limit of %s', (_, template, limits) => {
    expect(failure(template, limits)).toBe('LimitError');
  });

  it('ends endless recursion and refuses deep nesting and large ranges', () => {
    expect(failure('{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}')).toBe('RecursionError');
    expect(failure(`{{ ${'('.repeat(5000)}1${')'.repeat(5000)} }}`)).toBe('RecursionError');
    expect(failure(`{{ 1${' + 1'.repeat(100_000)} }}`)).toBe('RecursionError');
    expect(failure('{% set l = [] %}{% for i in range(20000) %}{% set l = [l] %}{% endfor %}{{ l }}')).toBe('rendered []');
    expect(failure('{% set ns = namespace(l=[]) %}{% for i in range(50000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}')).toBe('RecursionError');
    expect(failure('{{ range(100001) }}')).toBe('OverflowError');
  });

  it('renders a value of 10 MB', () => {
    const text = 'x'.repeat(10_000_000);
    expect(render('{{ params.big }}', { runId: 'r', params: { big: text } }, nothing)).toBe(text);
  });
});

describe('injection', () => {
  it.each([
    '{{ constructor.constructor("return process")() }}', '{{ params.constructor.constructor("return process")() }}', '{{ "".constructor.constructor("return 1")() }}',
    '{{ params.__proto__.polluted }}', '{{ [].constructor }}', '{{ range.constructor("return process")() }}', '{{ ti.xcom_pull.constructor }}', '{{ macros.constructor }}',
    '{{ toString() }}', '{{ params.hasOwnProperty("a") }}', '{{ __proto__ }}', '{{ this }}', '{{ globalThis }}', '{{ process }}', '{{ logical_date.wall }}', '{{ loop }}',
  ])('finds nothing of JavaScript through %s', (template) => {
    expect(failure(template)).toBe('UndefinedError');
  });

  it.each(['{{ "".__class__.__mro__ }}', '{{ params.__class__ }}', '{{ range.__globals__ }}', '{{ "{0.__class__.__mro__}".format("") }}', '{{ ""|attr("__class__") }}', '{{ ti.__class__ }}'])(
    'refuses what the sandbox refuses: %s', (template) => {
      expect(failure(template)).toBe('SecurityError');
    });

  it('has keys named as parts of objects like any other', () => {
    const conf = JSON.parse('{"__proto__": {"x": 1}, "constructor": "c", "toString": "t"}') as { readonly [key: string]: string };
    expect(render('{{ params }} {{ params.constructor }} {{ params["toString"] }} {{ params["__proto__"].x }}', { runId: 'r', params: conf }, nothing)).toBe(
      "{'__proto__': {'x': 1}, 'constructor': 'c', 'toString': 't'} c t 1");
  });

  it('does not render what a value contains', () => {
    expect(render('{{ params.p }}', { runId: 'r', params: { p: '{{ 7*7 }} ${x} `id` $(id); rm -rf /\n' } }, nothing)).toBe('{{ 7*7 }} ${x} `id` $(id); rm -rf /\n');
  });
});

describe('any template', () => {
  const piece = fc.constantFrom(
    '{{', '}}', '{%', '%}', '{#', '#}', '{%-', '-%}', ' if ', ' for ', ' in ', ' endif ', ' endfor ', ' set ', ' else ', ' macro f(a) ', ' endmacro ', ' raw ', ' endraw ', ' is ', ' not ',
    'x', 'ds', 'params', 'logical_date', 'loop', '"a"', "'", '"', '\\', '1', '2.5', '99999999', '+', '-', '*', '**', '//', '%', '~', '|', '(', ')', '[', ']', '{', '}', ':', ',', '.', '=', '==', '<',
    'upper', 'join', 'length', 'format', 'map', 'list', 'range', 'namespace', 'int', 'tojson', 'sort', 'replace("a","b")', '\n', ' ', '한', '😀', '\ud800', '\x00',
  );
  const LIMITS: Partial<Limits> = { maxOutputLength: 10_000, maxAllocation: 200_000, maxIterations: 2_000, maxDepth: 20 };

  it('renders or fails with a TemplateError, whatever it is', () => {
    const template = fc.oneof(
      fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join('')),
      fc.array(piece, { maxLength: 15 }).map((pieces) => `{{ ${pieces.join(' ')} }}`),
      fc.string({ unit: 'binary', maxLength: 60 }),
    );
    fc.assert(fc.property(template, (source) => {
      try {
        return typeof rendered(source, { limits: LIMITS }) === 'string';
      } catch (error) {
        return error instanceof TemplateError;
      }
    }), { numRuns: 3000 });
  });

  it('leaves text without a tag as it is', () => {
    const text = fc.string({ unit: 'binary', maxLength: 200 }).filter((source) => !/\{[{%#]|\r/.test(source) && !source.endsWith('\n'));
    fc.assert(fc.property(text, (source) => rendered(source) === source), { numRuns: 1000 });
  });

  it('writes raw what a raw block holds, and a string literal as the string', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 60 });
    fc.assert(fc.property(text.filter((source) => !/endraw|\r/.test(source)), (source) => rendered(`{% raw %}${source}{% endraw %}`) === source));
    fc.assert(fc.property(text, (source) => render('{{ params.x }}', { runId: 'r', params: { x: source } }, nothing) === source));
  });
});
