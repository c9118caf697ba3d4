/**
 * Text as Python sees it: a sequence of code points. JavaScript strings count UTF-16 units, so everything that counts or
 * cuts goes through here; text without surrogates, which is nearly all, costs nothing.
 */
const SURROGATE = /[\ud800-\udfff]/;

/** What `str.isspace` says yes to, as the inside of a character class. */
const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const LEADING_SPACE = new RegExp(`^[${SPACE}]+`);
const TRAILING_SPACE = new RegExp(`[${SPACE}]$`);
const SPACES = new RegExp(`[${SPACE}]+`);
const ONLY_SPACE = new RegExp(`^[${SPACE}]+$`);
/** A run of white space from where the pattern's `lastIndex` stands. */
export const spaceRun = (): RegExp => new RegExp(`[${SPACE}]*`, 'y');

export const codePoints = (text: string): string[] => (SURROGATE.test(text) ? Array.from(text) : text.split(''));

export function codePointLength(text: string): number {
  if (!SURROGATE.test(text)) return text.length;
  let length = 0;
  for (const _ of text) length += 1;
  return length;
}

/** The text between two positions counted in code points, both within it. */
export const codePointSlice = (text: string, start: number, end: number): string =>
  SURROGATE.test(text) ? Array.from(text).slice(start, end).join('') : text.slice(start, end);

/** The code point position of a position in UTF-16 units. */
export const codePointIndex = (text: string, index: number): number => (index <= 0 ? index : codePointLength(text.slice(0, index)));

export const stripStart = (text: string): string => text.replace(LEADING_SPACE, '');

export function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && TRAILING_SPACE.test(text[end - 1] as string)) end -= 1;
  return text.slice(0, end);
}

export const isSpace = (text: string): boolean => ONLY_SPACE.test(text);

/** The words between runs of white space. */
export const words = (text: string): string[] => text.split(SPACES).filter((word) => word !== '');

const LINE_END = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/g;

export function splitLines(text: string, keepEnds = false): string[] {
  const lines: string[] = [];
  let from = 0;
  for (const { index, 0: end } of text.matchAll(LINE_END)) {
    lines.push(text.slice(from, keepEnds ? index + end.length : index));
    from = index + end.length;
  }
  if (from < text.length) lines.push(text.slice(from));
  return lines;
}

/** Orders by code point, which UTF-16 units do not beyond the basic plane. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  if (!SURROGATE.test(left) && !SURROGATE.test(right)) return left < right ? -1 : 1;
  const [lefts, rights] = [Array.from(left), Array.from(right)];
  for (let i = 0; i < lefts.length && i < rights.length; i++) {
    const difference = (lefts[i] as string).codePointAt(0)! - (rights[i] as string).codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return lefts.length - rights.length;
}

const UNPRINTABLE = /[\p{C}\p{Z}]/u;

/** Python's `repr` of a string. */
export function quoteText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let quoted = quote;
  for (const point of text) {
    if (point === quote || point === '\\') quoted += `\\${point}`;
    else if (point === '\n') quoted += '\\n';
    else if (point === '\r') quoted += '\\r';
    else if (point === '\t') quoted += '\\t';
    else if (point !== ' ' && UNPRINTABLE.test(point)) quoted += escapedPoint(point.codePointAt(0)!);
    else quoted += point;
  }
  return quoted + quote;
}

function escapedPoint(code: number): string {
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
}

const ESCAPES: { readonly [char: string]: string } = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' };

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => ESCAPES[char] as string);

/** What is not ASCII, written as Python's `ascii()` escapes it. */
export const asciiText = (text: string): string =>
  text.replace(/[^\x00-\x7f]/gu, (point) => {
    const code = point.codePointAt(0) as number;
    const [letter, width] = code <= 0xff ? ['x', 2] : code <= 0xffff ? ['u', 4] : ['U', 8];
    return `\\${letter}${code.toString(16).padStart(width as number, '0')}`;
  });
