import { isRaised, raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import { MethodTable } from './function.ts';
import { escaped, iterate } from './operator.ts';
import { list, PyTuple } from './sequence.ts';
import { codePointIndex, codePointLength, codePoints, codePointSlice, isSpace, splitLines, stripEnd, stripStart, words } from './text.ts';
import { upperText, lowerText, titleText } from './letter-case.ts';
import type { Text, Value } from './value.ts';
import { indexOf, isInt, isText, like, Markup, PyObject, textOf, typeName, Undefined } from './value.ts';

type Args = (Value | undefined)[];

/** An argument that must be text; a Markup's method takes it escaped where it goes into the result. */
function wantText(value: Value | undefined, callee: string, position: number): string {
  if (value !== undefined && isText(value)) return textOf(value);
  return raise('TypeError', `${callee}() argument ${position} must be str, not ${value === undefined ? 'NoneType' : typeName(value)}`);
}

const insert = (self: Text, value: Value | undefined, callee: string, position: number): string => {
  const text = wantText(value, callee, position);
  return self instanceof Markup && value !== undefined && isText(value) ? escaped(value) : text;
};

/** The method of this name of a text; undefined when it has none. */
export const textMethod = (self: Text, name: string): Value | undefined => METHODS.bound(self, name);

/** A text's own part between two optional positions, and where it begins; null when the start lies behind the end. */
function window(self: string, start: Value | undefined, end: Value | undefined): { readonly part: string; readonly from: number } | null {
  if ((start ?? null) === null && (end ?? null) === null) return { part: self, from: 0 };
  const length = codePointLength(self);
  const clamp = (value: Value | undefined, absent: number): number => {
    if (value === undefined || value === null) return absent;
    const index = indexOf(value);
    return Math.max(0, index < 0 ? index + length : index);
  };
  const from = clamp(start, 0);
  const to = Math.min(length, clamp(end, length));
  return from > to || from > length ? null : { part: codePointSlice(self, from, to), from };
}

function find(self: Text, [sub, start, end]: Args, callee: string, last: boolean): number {
  const wanted = wantText(sub, callee, 1);
  const within = window(textOf(self), start, end);
  if (within === null) return -1;
  const at = last ? within.part.lastIndexOf(wanted) : within.part.indexOf(wanted);
  return at < 0 ? -1 : codePointIndex(within.part, at) + within.from;
}

function begins(self: Text, [prefix, start, end]: Args, callee: string, test: (text: string, affix: string) => boolean): boolean {
  const within = window(textOf(self), start, end);
  const affixes = prefix instanceof PyTuple ? prefix.items : [prefix];
  return affixes.some((affix) => {
    if (affix === undefined || !isText(affix)) raise('TypeError', `${callee} first arg must be str or a tuple of str, not ${typeName(affix ?? null)}`);
    return within !== null && test(within.part, textOf(affix));
  });
}

function replace(self: Text, [old, fresh, count]: Args, rt: Runtime): Text {
  const [text, from, to] = [textOf(self), wantText(old, 'replace', 1), insert(self, fresh, 'replace', 2)];
  const limit = count === undefined ? -1 : indexOf(count);
  const pieces = from === '' ? ['', ...codePoints(text), ''] : text.split(from);
  const replaced = limit < 0 ? pieces.length - 1 : Math.min(limit, pieces.length - 1);
  rt.allocate(text.length + replaced * to.length);
  return like(self, pieces.slice(0, replaced + 1).join(to) + pieces.slice(replaced + 1).map((piece) => from + piece).join(''));
}

function strip(self: Text, chars: Value | undefined, callee: string, start: boolean, end: boolean): Text {
  const text = textOf(self);
  if (chars === undefined || chars === null) return like(self, start ? stripStart(end ? stripEnd(text) : text) : stripEnd(text));
  const set = new Set(codePoints(wantText(chars, callee, 1)));
  const points = codePoints(text);
  let [from, to] = [0, points.length];
  while (start && from < to && set.has(points[from] as string)) from += 1;
  while (end && to > from && set.has(points[to - 1] as string)) to -= 1;
  return like(self, points.slice(from, to).join(''));
}

function split(self: Text, [separator = null, limit]: Args, callee: string, rt: Runtime): Value {
  const most = limit === undefined || indexOf(limit) < 0 ? Infinity : indexOf(limit);
  const fromEnd = callee === 'rsplit';
  const pieces = separator === null ? splitWords(textOf(self), most, fromEnd) : splitBy(textOf(self), wantText(separator, callee, 1), most, fromEnd);
  rt.allocate(pieces.length);
  return list(pieces.map((piece) => like(self, piece)));
}

function splitBy(text: string, separator: string, most: number, fromEnd: boolean): string[] {
  if (separator === '') raise('ValueError', 'empty separator');
  const pieces = text.split(separator);
  if (pieces.length - 1 <= most) return pieces;
  const kept = pieces.length - most;
  return fromEnd
    ? [pieces.slice(0, kept).join(separator), ...pieces.slice(kept)]
    : [...pieces.slice(0, most), pieces.slice(most).join(separator)];
}

function splitWords(text: string, most: number, fromEnd: boolean): string[] {
  if (most === Infinity) return words(text);
  const pieces: string[] = [];
  let rest = fromEnd ? stripEnd(text) : stripStart(text);
  while (rest !== '' && pieces.length < most) {
    const [word] = fromEnd ? words(rest).slice(-1) : words(rest);
    if (word === undefined || word.length === rest.length) break;
    pieces.push(word);
    rest = fromEnd ? stripEnd(rest.slice(0, -word.length)) : stripStart(rest.slice(word.length));
  }
  if (rest !== '') pieces.push(fromEnd ? rest : rest);
  return fromEnd ? pieces.reverse() : pieces;
}

/** Text made as wide as wanted; how much goes left of it is for the caller to say. */
function pad(self: Text, [width, fill = ' ']: Args, callee: string, left: (missing: number, width: number) => number, rt: Runtime): Text {
  const wanted = indexOf(width as Value);
  const filler = insert(self, fill, callee, 2);
  if (self instanceof Markup ? codePointLength(filler) < 1 : codePointLength(filler) !== 1) raise('TypeError', 'The fill character must be exactly one character long');
  const missing = wanted - codePointLength(textOf(self));
  if (missing <= 0) return self;
  rt.allocate(missing);
  const before = left(missing, wanted);
  return like(self, filler.repeat(before) + textOf(self) + filler.repeat(missing - before));
}

/** Python puts the odd blank of `center` left when the width is odd. */
export const centerLeft = (missing: number, width: number): number => Math.floor(missing / 2) + (missing & width & 1);

function zfill(self: Text, width: Value, rt: Runtime): Text {
  const text = textOf(self);
  const missing = indexOf(width) - codePointLength(text);
  if (missing <= 0) return self;
  rt.allocate(missing);
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  return like(self, sign + '0'.repeat(missing) + text.slice(sign.length));
}

function joinTexts(separator: Text, iterable: Value, rt: Runtime): Text {
  const pieces: string[] = [];
  for (const item of iterate(iterable, rt)) {
    if (item instanceof Undefined && separator instanceof Markup) item.fail();
    if (separator instanceof Markup) pieces.push(isText(item) ? escaped(item) : escaped(rt.str(item)));
    else pieces.push(isText(item) ? textOf(item) : raise('TypeError', `sequence item ${pieces.length}: expected str instance, ${typeName(item)} found`));
    rt.allocate((pieces.at(-1) as string).length + textOf(separator).length);
  }
  return like(separator, pieces.join(textOf(separator)));
}

function partition(self: Text, separator: Value | undefined, last: boolean): Value {
  const [text, wanted] = [textOf(self), wantText(separator, last ? 'rpartition' : 'partition', 1)];
  if (wanted === '') raise('ValueError', 'empty separator');
  const at = last ? text.lastIndexOf(wanted) : text.indexOf(wanted);
  const parts = at < 0 ? (last ? ['', '', text] : [text, '', '']) : [text.slice(0, at), wanted, text.slice(at + wanted.length)];
  return new PyTuple(parts.map((part) => like(self, part)));
}

function expandTabs(text: string, size: number): string {
  let column = 0;
  let expanded = '';
  for (const point of text) {
    if (point === '\t') {
      const blanks = size > 0 ? size - (column % size) : 0;
      expanded += ' '.repeat(blanks);
      column += blanks;
    } else {
      expanded += point;
      column = point === '\n' || point === '\r' ? 0 : column + 1;
    }
  }
  return expanded;
}

function swapCase(text: string): string {
  return codePoints(text).map((point) => (/\p{Lu}|\p{Lt}/u.test(point) ? lowerText(point) : upperText(point))).join('');
}

/** All of the text in one case, with at least one letter that has a case. */
const allInCase = (text: string, wanted: RegExp, unwanted: RegExp): boolean => wanted.test(text) && !unwanted.test(text);
export const isLower = (text: string): boolean => allInCase(text, /\p{Lowercase}/u, /\p{Uppercase}|\p{Lt}/u);
export const isUpper = (text: string): boolean => allInCase(text, /\p{Uppercase}/u, /\p{Lowercase}|\p{Lt}/u);
const isTitle = (text: string): boolean => /\p{L}/u.test(text) && titleText(text) === text && text.toLowerCase() !== text.toUpperCase();

const every = (pattern: RegExp) => (self: Text): boolean => pattern.test(textOf(self));
const mapped = (change: (text: string) => string) => [
  '', (self: Text, _: Args, rt: Runtime): Text => {
    rt.allocate(textOf(self).length);
    return like(self, change(textOf(self)));
  },
] as const;

export const capitalizeText = (text: string): string => {
  const [first = ''] = codePoints(text);
  return titleText(first) + lowerText(text.slice(first.length));
};

const METHODS = new MethodTable<Text>({
  upper: mapped(upperText),
  lower: mapped(lowerText),
  casefold: mapped((text) => lowerText(upperText(text)).replaceAll('ς', 'σ')),
  title: mapped(titleText),
  capitalize: mapped(capitalizeText),
  swapcase: mapped(swapCase),
  replace: ['old new count? /', (self, args, rt) => replace(self, args, rt)],
  split: ['sep? maxsplit?', (self, args, rt) => split(self, args, 'split', rt)],
  rsplit: ['sep? maxsplit?', (self, args, rt) => split(self, args, 'rsplit', rt)],
  splitlines: ['keepends?', (self, [keepends], rt) => {
    const lines = splitLines(textOf(self), keepends === true || keepends === 1n);
    rt.allocate(lines.length);
    return list(lines.map((line) => like(self, line)));
  }],
  strip: ['chars? /', (self, [chars]) => strip(self, chars, 'strip', true, true)],
  lstrip: ['chars? /', (self, [chars]) => strip(self, chars, 'lstrip', true, false)],
  rstrip: ['chars? /', (self, [chars]) => strip(self, chars, 'rstrip', false, true)],
  startswith: ['prefix start? end? /', (self, args) => begins(self, args, 'startswith', (text, prefix) => text.startsWith(prefix))],
  endswith: ['suffix start? end? /', (self, args) => begins(self, args, 'endswith', (text, suffix) => text.endsWith(suffix))],
  find: ['sub start? end? /', (self, args) => BigInt(find(self, args, 'find', false))],
  rfind: ['sub start? end? /', (self, args) => BigInt(find(self, args, 'rfind', true))],
  index: ['sub start? end? /', (self, args) => found(find(self, args, 'index', false))],
  rindex: ['sub start? end? /', (self, args) => found(find(self, args, 'rindex', true))],
  count: ['sub start? end? /', (self, [sub, start, end]) => {
    const [wanted, within] = [wantText(sub, 'count', 1), window(textOf(self), start, end)];
    if (within === null) return 0n;
    return BigInt(wanted === '' ? codePointLength(within.part) + 1 : within.part.split(wanted).length - 1);
  }],
  translate: ['table /', (self, [table], rt) => {
    const text = [...textOf(self)].map((point) => translated(point, table as Value, rt)).join('');
    rt.allocate(text.length);
    return like(self, text);
  }],
  join: ['iterable /', (self, [iterable], rt) => joinTexts(self, iterable as Value, rt)],
  zfill: ['width /', (self, [width], rt) => zfill(self, width as Value, rt)],
  center: ['width fillchar? /', (self, args, rt) => pad(self, args, 'center', centerLeft, rt)],
  ljust: ['width fillchar? /', (self, args, rt) => pad(self, args, 'ljust', () => 0, rt)],
  rjust: ['width fillchar? /', (self, args, rt) => pad(self, args, 'rjust', (missing) => missing, rt)],
  partition: ['sep /', (self, [separator]) => partition(self, separator, false)],
  rpartition: ['sep /', (self, [separator]) => partition(self, separator, true)],
  removeprefix: ['prefix /', (self, [prefix]) => {
    const affix = wantText(prefix, 'removeprefix', 1);
    return textOf(self).startsWith(affix) ? like(self, textOf(self).slice(affix.length)) : self;
  }],
  removesuffix: ['suffix /', (self, [suffix]) => {
    const affix = wantText(suffix, 'removesuffix', 1);
    return affix !== '' && textOf(self).endsWith(affix) ? like(self, textOf(self).slice(0, -affix.length)) : self;
  }],
  expandtabs: ['tabsize?', (self, [size], rt) => {
    const tab = size === undefined ? 8 : indexOf(size);
    rt.allocate(textOf(self).split('\t').length * Math.max(0, tab));
    return like(self, expandTabs(textOf(self), tab));
  }],
  isdigit: ['', every(/^[\p{Nd}²³¹⁰⁴-⁹₀-₉①-⑨⑴-⑼⒈-⒐⓪⓵-⓽⓿❶-❾➀-➈➊-➒]+$/u)],
  isdecimal: ['', every(/^\p{Nd}+$/u)],
  isnumeric: ['', every(/^[\p{N}㐀一二三四五六七八九十百千万億兆]+$/u)],
  isalpha: ['', every(/^\p{L}+$/u)],
  isalnum: ['', every(/^[\p{L}\p{N}]+$/u)],
  isascii: ['', every(/^[\x00-\x7f]*$/)],
  isspace: ['', (self) => isSpace(textOf(self))],
  isidentifier: ['', every(/^[\p{XID_Start}_]\p{XID_Continue}*$/u)],
  isprintable: ['', every(/^(?: |[^\p{C}\p{Z}])*$/u)],
  islower: ['', (self) => isLower(textOf(self))],
  isupper: ['', (self) => isUpper(textOf(self))],
  istitle: ['', (self) => isTitle(textOf(self))],
});

/** What a table of code points makes of one; a point that it lacks stays. */
function translated(point: string, table: Value, rt: Runtime): string {
  let value: Value;
  try {
    value = table instanceof PyObject && table.item !== undefined ? table.item(BigInt(point.codePointAt(0) as number), rt) : raise('TypeError', `'${typeName(table)}' object is not subscriptable`);
  } catch (error) {
    if (isRaised(error, 'KeyError', 'IndexError')) return point;
    throw error;
  }
  if (value === null) return '';
  if (isText(value)) return textOf(value);
  if (!isInt(value)) return raise('TypeError', 'character mapping must return integer, None or str');
  const code = indexOf(value);
  return code >= 0 && code <= 0x10ffff ? String.fromCodePoint(code) : raise('ValueError', 'character mapping must be in range(0x110000)');
}

const found = (index: number): bigint => (index < 0 ? raise('ValueError', 'substring not found') : BigInt(index));
