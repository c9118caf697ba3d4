import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import { formatConversion, formatIntConversion, formatTextConversion } from './format-spec.ts';
import { escaped } from './operator.ts';
import { PyTuple } from './sequence.ts';
import { asciiText, escapeHtml } from './text.ts';
import type { Text, Value } from './value.ts';
import { indexOf, intOf, isInt, isNumber, isText, like, Markup, PyObject, textOf, typeName, Undefined } from './value.ts';

const CONVERSION = /%(?:\(([^()]*(?:\([^()]*\)[^()]*)*)\))?([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+)?)?[hlL]?([^])?/gu;

/** `template % values`: a tuple is the values one by one, a dict is looked up by name, anything else is the only value. */
export function percentFormat(template: Text, given: Value, rt: Runtime): Text {
  const source = textOf(template);
  const values = new Values(given, rt);
  let result = '';
  let from = 0;
  for (const match of source.matchAll(CONVERSION)) {
    result += source.slice(from, match.index);
    from = match.index + match[0].length;
    result += convert(match, values, template, rt);
  }
  values.refuseRest();
  rt.allocate(result.length);
  return like(template, result + source.slice(from));
}

class Values {
  private readonly items: readonly Value[];
  private readonly given: Value;
  private readonly rt: Runtime;
  private next = 0;
  private named = false;

  constructor(given: Value, rt: Runtime) {
    this.given = given;
    this.items = given instanceof PyTuple ? given.items : [given];
    this.rt = rt;
  }

  take(name: string | undefined): Value {
    if (name !== undefined) {
      if (!(this.given instanceof PyObject) || this.given instanceof PyTuple || this.given.item === undefined) raise('TypeError', 'format requires a mapping');
      this.named = true;
      return this.given.item(name, this.rt);
    }
    if (this.next >= this.items.length) raise('TypeError', 'not enough arguments for format string');
    this.next += 1;
    return this.items[this.next - 1] as Value;
  }

  refuseRest(): void {
    if (this.named || this.next >= this.items.length) return;
    if (this.given instanceof PyObject && this.given.item !== undefined && !(this.given instanceof PyTuple)) return;
    raise('TypeError', 'not all arguments converted during string formatting');
  }
}

function convert(match: RegExpMatchArray, values: Values, template: Text, rt: Runtime): string {
  const [whole, name, flags = '', width, precision, type] = match;
  if (type === '%') return '%';
  const star = (text: string | undefined): number | undefined => (text === '*' ? starred(values.take(undefined)) : text === undefined ? undefined : bounded(text));
  const size = star(width);
  const options = {
    fill: flags.includes('0') && !flags.includes('-') ? '0' : ' ',
    align: flags.includes('-') || (size ?? 0) < 0 ? '<' : flags.includes('0') ? '=' : '>',
    sign: flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '-',
    alternate: flags.includes('#'),
    width: Math.abs(size ?? 0),
    precision: star(precision) ?? (whole.includes('.') && name === undefined ? 0 : undefined),
  } as const;
  if (type === undefined) raise('ValueError', 'incomplete format');
  const text = { ...options, fill: ' ', align: options.align === '=' ? '>' : options.align } as const;
  const escape = (plain: string): string => (template instanceof Markup ? escapeHtml(plain) : plain);
  switch (type) {
    case 's': {
      const value = values.take(name);
      return formatTextConversion(template instanceof Markup && isText(value) ? escaped(value) : escape(rt.str(value)), text, rt);
    }
    case 'r':
      return formatTextConversion(escape(rt.repr(values.take(name))), text, rt);
    case 'a':
      return formatTextConversion(escape(asciiText(rt.repr(values.take(name)))), text, rt);
    case 'c':
      return formatTextConversion(character(values.take(name)), text, rt);
    case 'd':
    case 'i':
    case 'u':
      return formatIntConversion(wholeNumber(values.take(name), type), 'd', options, rt);
    case 'o':
    case 'x':
    case 'X':
      return formatIntConversion(strictInt(values.take(name), type), type, options, rt);
    case 'e': case 'E': case 'f': case 'F': case 'g': case 'G':
      return formatConversion(realNumber(values.take(name)), type, options, rt);
    default:
      return raise('ValueError', `unsupported format character '${type}' (0x${type.codePointAt(0)!.toString(16)}) at index ${(match.index ?? 0) + whole.length - 1}`);
  }
}

const starred = (value: Value): number => (isInt(value) ? indexOf(value) : raise('TypeError', '* wants int'));

function bounded(digits: string): number {
  if (digits.length > 9) raise('ValueError', 'width too big');
  return Number(digits);
}

function wholeNumber(value: Value, type: string): bigint {
  if (isInt(value)) return intOf(value);
  if (typeof value === 'number') {
    if (Number.isNaN(value)) raise('ValueError', 'cannot convert float NaN to integer');
    if (!Number.isFinite(value)) raise('OverflowError', 'cannot convert float infinity to integer');
    return BigInt(Math.trunc(value));
  }
  if (value instanceof Undefined) value.fail();
  return raise('TypeError', `%${type} format: a real number is required, not ${typeName(value)}`);
}

function strictInt(value: Value, type: string): bigint {
  if (isInt(value)) return intOf(value);
  if (value instanceof Undefined) value.fail();
  return raise('TypeError', `%${type} format: an integer is required, not ${typeName(value)}`);
}

function realNumber(value: Value): Value {
  if (isNumber(value)) return value;
  if (value instanceof Undefined) value.fail();
  return raise('TypeError', `must be real number, not ${typeName(value)}`);
}

function character(value: Value): string {
  if (isInt(value)) {
    const code = indexOf(value);
    return code >= 0 && code <= 0x10ffff ? String.fromCodePoint(code) : raise('OverflowError', '%c arg not in range(0x110000)');
  }
  return isText(value) && [...textOf(value)].length === 1 ? textOf(value) : raise('TypeError', '%c requires int or char');
}
