/**
 * One line of a log as the view holds it. A stored line is JSON; text that is not (a truncated or foreign line) is
 * kept and shown as it is, because a log may never lose what it was given.
 */
export interface LogRow {
  /** From 1, counted over the whole log: it stays when earlier lines are dropped from memory. */
  readonly number: number;
  readonly atMs: number | null;
  readonly level: LogLevel;
  readonly logger: string;
  readonly text: string;
}

export type LogLevel = 'debug' | 'info' | 'warning' | 'error' | 'critical';

export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warning', 'error', 'critical'];

const isLevel = (value: unknown): value is LogLevel => LOG_LEVELS.includes(value as LogLevel);

/** Rows of a piece of log; a line of several lines (a stack) becomes several rows of the same instant. */
export function parseLogLines(text: string, firstNumber: number): readonly LogRow[] {
  const rows: LogRow[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const parsed = parseLine(line);
    for (const part of parsed.text.replaceAll('\r', '').split('\n')) {
      rows.push({ ...parsed, text: part, number: firstNumber + rows.length });
    }
  }
  return rows;
}

function parseLine(line: string): Omit<LogRow, 'number'> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { atMs: null, level: 'info', logger: '', text: line };
  }
  if (typeof value !== 'object' || value === null || !('event' in value)) return { atMs: null, level: 'info', logger: '', text: line };
  const { timestamp, level, logger, event, ...attributes } = value as Record<string, unknown>;
  const atMs = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN;
  return {
    atMs: Number.isNaN(atMs) ? null : atMs,
    level: isLevel(level) ? level : 'info',
    logger: typeof logger === 'string' ? logger : '',
    text: String(event) + attributeText(attributes),
  };
}

function attributeText(attributes: Readonly<Record<string, unknown>>): string {
  const texts = Object.entries(attributes).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const);
  const inline = texts.filter(([, text]) => !text.includes('\n')).map(([name, text]) => `  ${name}=${text}`);
  // A stack reads as lines of its own.
  const below = texts.filter(([, text]) => text.includes('\n')).map(([, text]) => `\n${text}`);
  return [...inline, ...below].join('');
}

const ANSI_SEQUENCE = /\u001b\[[0-9;]*[A-Za-z]/g;

/** A line without its colours, to search in and to measure. */
export const plainText = (text: string): string => (text.includes('\u001b') ? text.replaceAll(ANSI_SEQUENCE, '') : text);

interface LogFilter {
  readonly minLevel: LogLevel;
  readonly text: string;
}

export function filterRows(rows: readonly LogRow[], filter: LogFilter): readonly LogRow[] {
  const least = LOG_LEVELS.indexOf(filter.minLevel);
  const wanted = filter.text.toLowerCase();
  if (least === 0 && wanted === '') return rows;
  return rows.filter((row) => LOG_LEVELS.indexOf(row.level) >= least && (wanted === '' || plainText(row.text).toLowerCase().includes(wanted)));
}
