import { coloured, type Terminal } from '../terminal.ts';
import { type Format, printLine, printRows, type Shape } from './print.ts';

/** As it is stored: more members than the contract names. */
export interface LogLine {
  readonly timestamp?: string | null;
  readonly level?: unknown;
  readonly event: string;
  readonly [attribute: string]: unknown;
}

const LOG_LINE: Shape<LogLine> = { id: (line) => line.event, columns: { line: (line) => line.event } };

/** Answers how many lines there were. */
export async function printLog(terminal: Terminal, format: Format, lines: AsyncIterable<LogLine> | Iterable<LogLine>): Promise<number> {
  const all: LogLine[] = [];
  let count = 0;
  for await (const line of lines) {
    count += 1;
    if (format === 'table') terminal.out(`${lineOf(terminal, line)}\n`);
    else if (format === 'json' || format === 'yaml') all.push(line);
    else printLine(terminal, format, line, LOG_LINE);
  }
  if (format === 'json' || format === 'yaml') printRows(terminal, format, all, LOG_LINE);
  return count;
}

const OWN_MEMBERS: ReadonlySet<string> = new Set(['timestamp', 'level', 'event', 'logger']);

/** On a terminal, what a task printed keeps its colours and loses every other power over the terminal; into a pipe it goes as it is. */
function lineOf(terminal: Terminal, line: LogLine): string {
  const level = typeof line.level === 'string' ? line.level : '';
  const attributes = Object.entries(line).filter(([name]) => !OWN_MEMBERS.has(name)).map(([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join('');
  const text = `${line.event}${attributes}`;
  const shown = terminal.isTty ? text.replaceAll(/\u001B(?!\[[0-9;]*m)|[\u0000-\u0008\u000B-\u001A\u001C-\u001F\u007F-\u009F]/g, '\uFFFD') : text;
  return `${line.timestamp ?? ''}  ${coloured(terminal, level, level.padEnd(8))}  ${shown}`;
}
