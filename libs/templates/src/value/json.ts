import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import { PyDict } from './dict.ts';
import { floatText } from './repr.ts';
import { PyList, PyTuple } from './sequence.ts';
import { indexOf, isInt, isNumber, isText, textOf, typeName, Undefined } from './value.ts';
import type { PyObject, Value } from './value.ts';

/** How `json.dumps` lays its text out. */
export interface JsonLayout {
  /** What a level is indented by; undefined: all on one line. */
  readonly pad: string | undefined;
  readonly separators: readonly [item: string, key: string];
  readonly sortKeys?: boolean;
  /** Whether what is not ASCII is written as it is. */
  readonly unicode?: boolean;
  readonly refuseNan?: boolean;
  readonly skipKeys?: boolean;
  /** What JSON has no form for is written as this makes of it. */
  readonly otherwise?: PyObject;
}

/** The layout of an `indent` argument: a number of blanks, a text, or None. */
export function jsonLayout(indent: Value, rt: Runtime): JsonLayout {
  if (indent === null) return { pad: undefined, separators: [', ', ': '] };
  if (isText(indent)) return { pad: textOf(indent), separators: [',', ': '] };
  const width = Math.max(0, indexOf(indent));
  rt.allocate(width);
  return { pad: ' '.repeat(width), separators: [',', ': '] };
}

/** JSON as Python's `json.dumps` writes it. */
export const writeJson = (value: Value, layout: JsonLayout, rt: Runtime): string => write(value, layout, '\n', rt);

function write(value: Value, layout: JsonLayout, newline: string, rt: Runtime): string {
  const { pad, separators } = layout;
  if (value === null) return 'null';
  if (typeof value === 'boolean') return String(value);
  if (isText(value)) return writeText(textOf(value), layout, rt);
  if (typeof value === 'number') return writeFloat(value, layout);
  if (isInt(value)) return rt.repr(value);
  const within = pad === undefined ? newline : newline + pad;
  const separator = pad === undefined ? separators[0] : separators[0] + within;
  const bracket = (open: string, items: readonly string[], close: string): string =>
    items.length === 0 ? open + close : pad === undefined ? open + items.join(separator) + close : `${open}${within}${items.join(separator)}${newline}${close}`;
  if (value instanceof PyList || value instanceof PyTuple) return rt.nested(() => bracket('[', value.items.map((item) => write(item, layout, within, rt)), ']'));
  if (value instanceof PyDict) return rt.nested(() => bracket('{', entriesOf(value, layout, rt).map(([key, item]) => `${writeText(key, layout, rt)}${separators[1]}${write(item, layout, within, rt)}`), '}'));
  const made = layout.otherwise?.call?.({ positional: [value], named: new Map() }, rt);
  if (made !== undefined) return rt.nested(() => write(made, layout, newline, rt));
  return raise('TypeError', `Object of type ${typeName(value)} is not JSON serializable`);
}

function writeFloat(value: number, { refuseNan }: JsonLayout): string {
  if (Number.isFinite(value)) return floatText(value);
  if (refuseNan === true) raise('ValueError', `Out of range float values are not JSON compliant: ${floatText(value)}`);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
}

function entriesOf(dict: PyDict, { sortKeys, skipKeys }: JsonLayout, rt: Runtime): (readonly [string, Value])[] {
  const entries = [...dict.pairs()].filter(([key]) => skipKeys !== true || key === null || isText(key) || isNumber(key));
  if (sortKeys !== true) return entries.map(([key, item]) => [keyText(key, rt), item] as const);
  const kinds = new Set(entries.map(([key]) => (key === null ? 'None' : isText(key) ? 'str' : isNumber(key) ? 'number' : 'other')));
  if (entries.length > 1 && (kinds.size > 1 || kinds.has('None'))) raise('TypeError', "'<' not supported between instances of keys of different types");
  return entries
    .sort(([a], [b]) => (isText(a) && isText(b) ? (textOf(a) < textOf(b) ? -1 : 1) : isNumber(a) && isNumber(b) ? Number(a) - Number(b) : 0))
    .map(([key, item]) => [keyText(key, rt), item] as const);
}

function keyText(key: Value, rt: Runtime): string {
  if (isText(key)) return textOf(key);
  if (key === null) return 'null';
  if (typeof key === 'boolean') return String(key);
  if (key instanceof Undefined) key.fail();
  return isNumber(key) ? rt.repr(key) : raise('TypeError', `keys must be str, int, float, bool or None, not ${typeName(key)}`);
}

const ESCAPES: { readonly [char: string]: string } = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\b': '\\b', '\f': '\\f' };

function writeText(text: string, { unicode }: JsonLayout, rt: Runtime): string {
  rt.allocate(text.length);
  return `"${text.replace(unicode === true ? /["\\\x00-\x1f]/g : /["\\\x00-\x1f]|[^\x00-\x7e]/g, (char) => ESCAPES[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`;
}

/** `json.loads`: an int of any size stays one, a number with a point or an exponent is a float, NaN and Infinity are read. */
export function readJson(text: string, rt: Runtime): Value {
  const reader = new JsonReader(text, rt);
  const value = reader.value();
  reader.end();
  return value;
}

const TOKEN = /[ \t\n\r]*(?:([[\]{},:])|("(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null|NaN|-?Infinity))/y;
const WORDS: ReadonlyMap<string, Value> = new Map<string, Value>([['true', true], ['false', false], ['null', null], ['NaN', NaN], ['Infinity', Infinity], ['-Infinity', -Infinity]]);

/** A text read from left to right. */
class JsonReader {
  private readonly text: string;
  private readonly rt: Runtime;
  private at = 0;

  constructor(text: string, rt: Runtime) {
    this.text = text;
    this.rt = rt;
  }

  value(): Value {
    const match = this.token();
    const [, sign, text, number, word] = match;
    if (text !== undefined) return JSON.parse(text) as string;
    if (word !== undefined) return WORDS.get(word) as Value;
    if (number !== undefined) return /[.eE]/.test(number) ? Number(number) : BigInt(number);
    if (sign === '[') return this.rt.nested(() => new PyList(this.list()));
    return sign === '{' ? this.rt.nested(() => this.dict()) : this.fail();
  }

  private list(): Value[] {
    const items: Value[] = [];
    if (this.skips(']')) return items;
    for (;;) {
      this.rt.allocate(1);
      items.push(this.value());
      if (this.skips(']')) return items;
      if (!this.skips(',')) this.fail();
    }
  }

  private dict(): PyDict {
    const dict = new PyDict();
    if (this.skips('}')) return dict;
    for (;;) {
      const [, , key] = this.token();
      if (key === undefined || !this.skips(':')) this.fail();
      this.rt.allocate(1);
      dict.set(JSON.parse(key) as string, this.value(), this.rt);
      if (this.skips('}')) return dict;
      if (!this.skips(',')) this.fail();
    }
  }

  end(): void {
    if (!/^[ \t\n\r]*$/.test(this.text.slice(this.at))) this.fail();
  }

  private token(): RegExpExecArray {
    TOKEN.lastIndex = this.at;
    const match = TOKEN.exec(this.text) ?? this.fail();
    this.at += match[0].length;
    return match;
  }

  private skips(sign: string): boolean {
    TOKEN.lastIndex = this.at;
    const match = TOKEN.exec(this.text);
    if (match?.[1] !== sign) return false;
    this.at += match[0].length;
    return true;
  }

  private fail(): never {
    return raise('JSONDecodeError', `The text is no JSON from character ${this.at} on.`);
  }
}
