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

/**
 * Puts the rows of a file, one JSON object a line, to Dagbook. Blank lines are none; a line that is no row of the form
 * counts as one that differs, and spoils no other.
 */
export async function judge(form: OracleForm<unknown>, text: string): Promise<Verdict> {
  const lines = text.replace(/^\ufeff/, '').split('\n').flatMap((source, index) => (source.trim() === '' ? [] : [{ source, line: index + 1 }]));
  const rows = lines.map(({ source, line }) => ({ line, ...read(form, source) }));
  const asked = rows.filter((row): row is typeof row & Question => 'row' in row);
  const answers = await form.answers(asked.map(({ row }) => row));
  const got = new Map(asked.map(({ line }, index) => [line, answers[index]] as const));
  const differences = rows.flatMap((row): Difference[] => {
    if (!('row' in row)) return [{ line: row.line, asked: row.source, expected: 'a row of this form', got: row.fault }];
    const answer = got.get(row.line);
    if (!(answer instanceof Error) && canonicalJson(answer) === canonicalJson(row.expected)) return [];
    return [{ line: row.line, asked: row.asked, expected: row.expected, got: answer instanceof Error ? `${answer.name}: ${answer.message}` : answer }];
  });
  return { rows: rows.length, differences };
}

interface Question {
  readonly row: unknown;
  readonly asked: unknown;
  readonly expected: unknown;
}

/** What a line asks, or why it asks nothing. */
function read(form: OracleForm<unknown>, source: string): Question | { readonly source: string; readonly fault: string } {
  const shown = source.trim().slice(0, MAX_SHOWN);
  let row: unknown;
  try {
    row = JSON.parse(source);
  } catch {
    return { source: shown, fault: 'the line is not JSON' };
  }
  if (typeof row !== 'object' || row === null || Array.isArray(row)) return { source: shown, fault: 'the line is no JSON object' };
  try {
    return { row, asked: form.ask(row), expected: form.expected(row) };
  } catch {
    return { source: shown, fault: 'the line has not the fields of such a row' };
  }
}

const MAX_SHOWN = 1000;
