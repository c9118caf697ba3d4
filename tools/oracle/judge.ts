import { canonicalJson } from '@dagbook/domain';
import type { OracleForm } from './form.ts';

/** A row whose answer is not Airflow's. */
export interface Difference {
  /** From 1, as editors count lines. */
  readonly line: number;
  readonly asked: unknown;
  readonly expected: unknown;
  readonly got: unknown;
}

export interface Verdict {
  readonly rows: number;
  readonly differences: readonly Difference[];
}

/** Puts the rows of a file, one JSON object a line, to Dagbook. Throws for a line that is not JSON. */
export async function judge(form: OracleForm<unknown>, text: string): Promise<Verdict> {
  const rows = text.split('\n').flatMap((source, index) => (source.trim() === '' ? [] : [{ line: index + 1, row: parse(source, index + 1) }]));
  const answers = await form.answers(rows.map(({ row }) => row));
  const differences = rows.flatMap(({ line, row }, index): Difference[] => {
    const expected = form.expected(row);
    const answer = answers[index];
    if (!(answer instanceof Error) && canonicalJson(answer) === canonicalJson(expected)) return [];
    return [{ line, asked: form.ask(row), expected, got: answer instanceof Error ? `${answer.name}: ${answer.message}` : answer }];
  });
  return { rows: rows.length, differences };
}

function parse(source: string, line: number): unknown {
  try {
    return JSON.parse(source);
  } catch (cause) {
    throw new SyntaxError(`line ${line} is not JSON`, { cause });
  }
}
