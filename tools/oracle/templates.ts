import { render, TemplateError } from '@dagbook/templates';
import type { LookupAnswer, TemplateContext } from '@dagbook/templates';
import { oneByOne } from './form.ts';
import type { OracleForm } from './form.ts';

interface Row {
  readonly template: string;
  readonly logicalDate: string | null;
  readonly rendered?: string;
  readonly error?: string;
}

const DAY_MS = 86_400_000;

const PARAMS = {
  bucket: 'lake', n: 3, flag: true, list: [1, 2, 3], nested: { a: { b: '깊이' } }, empty: '', none: null, text: 'a \'quoted\' "value" & <b>',
};
const VARIABLES: ReadonlyMap<string, string> = new Map([['region', 'ap-northeast-2'], ['cfg', '{"k": [10, 20]}']]);

/** Templates rendered over the context that the recorded ones were rendered over. */
export const templates: OracleForm<Row> = {
  ask: ({ template, logicalDate }) => ({ template, logicalDate }),
  expected: ({ rendered, error }) => (error === undefined ? { rendered } : { error }),
  answers: oneByOne(({ template, logicalDate }) => {
    try {
      return { rendered: render(template, contextOf(logicalDate), (lookup): LookupAnswer => {
        const value = lookup.kind === 'variable' ? VARIABLES.get(lookup.key) : undefined;
        return value === undefined ? { found: false } : { found: true, value };
      }, { ambient: { nowMs: Date.now(), random: Math.random } }) };
    } catch (error) {
      if (error instanceof TemplateError) return { error: error.exception };
      throw error;
    }
  }),
};

function contextOf(logicalDate: string | null): TemplateContext {
  const base = { runId: 'manual__x', params: PARAMS, dagRun: { conf: { day: '2026-01-05', items: ['x', 'y'] } } };
  if (logicalDate === null) return base;
  // A date of JavaScript ends at milliseconds; the microseconds behind them are added.
  const logicalDateMs = Date.parse(logicalDate) + Number(/\.\d{3}(\d{3})/.exec(logicalDate)?.[1] ?? 0) / 1000;
  return { ...base, logicalDateMs, dataInterval: { startMs: logicalDateMs, endMs: logicalDateMs + DAY_MS } };
}
