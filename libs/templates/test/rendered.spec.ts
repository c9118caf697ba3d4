import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { render, TemplateError } from '../src/index.ts';
import type { LookupAnswer, TemplateContext } from '../src/index.ts';

/**
 * Templates that Jinja 3.1.6, pendulum 3.3.0 and dateutil 4.0.0 rendered in an environment set up as Airflow 3.3.2 sets
 * up its own, one JSON object a line: `template`, `logicalDate`, and `rendered` or `error`.
 */
interface Row {
  readonly template: string;
  readonly logicalDate: string;
  readonly rendered?: string;
  readonly error?: string;
}

const FILES: ReadonlyMap<string, string> = new Map([
  ['a.sql', 'A {{ ds }} {{ q|default("-") }}'],
  ['m.j2', '{% macro f(x, y=2) %}<{{ x }}{{ y }}>{% endmacro %}{% set c = 5 %}{% set _p = 1 %}'],
  ['base.j2', '[{% block a %}base{% endblock %}|{% block b %}B{{ super is defined }}{% endblock %}]'],
]);
const VARIABLES: ReadonlyMap<string, string> = new Map([['region', 'ap-northeast-2'], ['cfg', '{"k": [10, 20]}']]);
const DAY_MS = 86_400_000;
/** When the rows were rendered: the century of a year of two digits depends on it. */
const RENDERED_MS = Date.UTC(2026, 10, 25);

const rows = readFileSync(new URL('rendered.jsonl', import.meta.url), 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Row);

function contextAt(logicalDate: string): TemplateContext {
  // A date of JavaScript ends at milliseconds; the microseconds behind them are added.
  const fraction = /\.\d{3}(\d{3})/.exec(logicalDate)?.[1] ?? '0';
  const logicalDateMs = Date.parse(logicalDate) + Number(fraction) / 1000;
  return {
    logicalDateMs, dataInterval: { startMs: logicalDateMs, endMs: logicalDateMs + DAY_MS }, runId: 'manual__x',
    params: { bucket: 'lake', n: 3, flag: true, list: [1, 2, 3], nested: { a: { b: '깊이' } }, empty: '', none: null, text: 'a \'quoted\' "value" & <b>' },
    dagRun: { conf: { day: '2026-01-05', items: ['x', 'y'] } },
  };
}

function answer(row: Row): Omit<Row, 'template' | 'logicalDate'> {
  try {
    const rendered = render(row.template, contextAt(row.logicalDate), (lookup): LookupAnswer => {
      const value = lookup.kind === 'variable' ? VARIABLES.get(lookup.key) : lookup.kind === 'template' ? FILES.get(lookup.name) : undefined;
      return value === undefined ? { found: false } : { found: true, value };
    }, { ambient: { nowMs: RENDERED_MS } });
    return { rendered };
  } catch (error) {
    if (error instanceof TemplateError) return { error: error.exception };
    throw error;
  }
}

it('renders to the letter what Jinja rendered, and fails with the same exception', () => {
  const answers = rows.map((row) => ({ template: row.template, logicalDate: row.logicalDate, ...answer(row) }));
  expect(answers).toEqual(rows);
  expect(rows).toHaveLength(744);
});
