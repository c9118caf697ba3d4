import { raise } from '../error.ts';
import { codePointLength, codePoints } from '../value/text.ts';

interface WrapOptions {
  readonly width: number;
  readonly breakLongWords: boolean;
  readonly breakOnHyphens: boolean;
}

const BLANK = '[\\t\\n\\x0b\\x0c\\r ]';
const WORD_PUNCTUATION = '[\\p{L}\\p{N}_!"\'&.,?]';
const LETTER = '[^\\d\\P{L}]';
/** Where a line may be broken: `textwrap`'s own pattern, at blanks, after hyphens in words, and before dashes. */
const HYPHENATED = new RegExp(
  `(${BLANK}+|(?<=${WORD_PUNCTUATION})-{2,}(?=[\\p{L}\\p{N}_])|[^\\t\\n\\x0b\\x0c\\r ]+?(?:-(?:(?<=${LETTER}{2}-)|(?<=${LETTER}-${LETTER}-))(?=${LETTER}-?${LETTER})|(?=${BLANK}|$)|(?<=${WORD_PUNCTUATION})(?=-{2,}[\\p{L}\\p{N}_])))`, 'gu');
const LONG_RUN = /-{1000}/;
const PLAIN = new RegExp(`(${BLANK}+)`);

/** `textwrap.wrap` with neither tabs nor white space replaced: lines of at most so many characters. */
export function wrap(text: string, { width, breakLongWords, breakOnHyphens }: WrapOptions): string[] {
  // The pattern looks to the end of a run of hyphens from each of them.
  if (breakOnHyphens && LONG_RUN.test(text)) raise('LimitError', 'The text to wrap has more than 1000 hyphens in a row.');
  const chunks = (breakOnHyphens ? text.split(HYPHENATED) : text.split(PLAIN)).filter((chunk) => chunk !== '').reverse();
  const most = Math.max(1, width);
  const lines: string[] = [];
  while (chunks.length > 0) {
    const line: string[] = [];
    let length = 0;
    if (blank(chunks.at(-1)) && lines.length > 0) chunks.pop();
    while (chunks.length > 0 && length + codePointLength(chunks.at(-1) as string) <= most) {
      const chunk = chunks.pop() as string;
      line.push(chunk);
      length += codePointLength(chunk);
    }
    if (chunks.length > 0 && codePointLength(chunks.at(-1) as string) > most) breakChunk(chunks, line, most - length, breakLongWords, breakOnHyphens);
    if (blank(line.at(-1))) line.pop();
    if (line.length > 0) lines.push(line.join(''));
  }
  return lines;
}

const blank = (chunk: string | undefined): boolean => chunk !== undefined && chunk.trim() === '';

/** A chunk wider than a line is cut, after a hyphen where it may be, or stands alone. */
function breakChunk(chunks: string[], line: string[], room: number, breakLongWords: boolean, breakOnHyphens: boolean): void {
  if (!breakLongWords) {
    if (line.length === 0) line.push(chunks.pop() as string);
    return;
  }
  const points = codePoints(chunks.pop() as string);
  let end = Math.max(1, room);
  if (breakOnHyphens && points.length > end) {
    const hyphen = points.lastIndexOf('-', end - 1);
    if (hyphen > 0 && points.slice(0, hyphen).some((point) => point !== '-')) end = hyphen + 1;
  }
  line.push(points.slice(0, end).join(''));
  chunks.push(points.slice(end).join(''));
}
