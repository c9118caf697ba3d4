import { raise } from '../error.ts';
import type { Filter, Runtime } from '../runtime.ts';
import { filter } from './filter.ts';
import { unescapeHtml } from './html-entity.ts';
import { urlize } from './urlize.ts';
import { wrap } from './word-wrap.ts';
import { PyDict } from '../value/dict.ts';
import { lowerText, upperText } from '../value/letter-case.ts';
import { binary } from '../value/binary.ts';
import { escaped, isIterable, iterate, truth } from '../value/operator.ts';
import { capitalizeText, centerLeft, textMethod } from '../value/text-method.ts';
import { callValue } from '../value/attribute.ts';
import { positional } from '../value/arguments.ts';
import { lengthOf, PyList, PyTuple } from '../value/sequence.ts';
import { codePointLength, codePoints, codePointSlice, escapeHtml, splitLines, words } from '../value/text.ts';
import { indexOf, isText, like, Markup, textOf, typeName, Undefined } from '../value/value.ts';
import type { Text, Value } from '../value/value.ts';
import { pprint } from './pprint.ts';
import { quoteUrl } from './url-quote.ts';

type Args = readonly (Value | undefined)[];

/** Markup stays what it is, anything else becomes a string. */
const soft = (value: Value, rt: Runtime): Text => (isText(value) ? value : rt.str(value));

const escape = (value: Value, rt: Runtime): Markup => (value instanceof Markup ? value : new Markup(escapeHtml(rt.str(value))));

const mapped = (name: string, change: (text: string) => string): Filter =>
  filter(name, '', (value, _, rt) => {
    const text = soft(value, rt);
    rt.allocate(textOf(text).length);
    return like(text, change(textOf(text)));
  });

const callMethod = (text: Text, name: string, args: readonly Value[], rt: Runtime): Value => callValue(textMethod(text, name) as Value, positional(...args), rt);

function replace(value: Value, [old, fresh, count = null]: Args, rt: Runtime, autoescape: boolean): Value {
  const [from, to, times] = [old as Value, fresh as Value, count ?? -1n];
  if (!autoescape) return callMethod(rt.str(value), 'replace', [rt.str(from), rt.str(to), times], rt);
  const escapes = from instanceof Markup || (to instanceof Markup && !(value instanceof Markup));
  return callMethod(escapes ? escape(value, rt) : soft(value, rt), 'replace', [soft(from, rt), soft(to, rt), times], rt);
}

function indent(value: Value, [width = 4n, first = false, blank = false]: Args, rt: Runtime): Value {
  if (value instanceof PyList) raise('AttributeError', "'list' object has no attribute 'splitlines'");
  const text = isText(value) ? value : (binary('+', value, '\n', rt) as Text);
  const indention = isText(width) ? textOf(width) : ' '.repeat(bounded(width, rt));
  // What follows is the text with a line end added and taken off again, as Jinja does it.
  const lines = splitLines(`${textOf(text)}\n`);
  rt.allocate(lines.length * indention.length + textOf(text).length);
  const rest = truth(blank, rt) ? lines.slice(1).map((line) => indention + line) : lines.slice(1).map((line) => (line === '' ? line : indention + line));
  return like(text, (truth(first, rt) ? indention : '') + [lines[0] ?? '', ...rest].join('\n'));
}

function bounded(value: Value, rt: Runtime): number {
  const count = Math.max(0, indexOf(value));
  rt.allocate(count);
  return count;
}

function truncate(value: Value, [length = 255n, killWords = false, end = '...', leeway = null]: Args, rt: Runtime): Value {
  const [most, slack, ending] = [indexOf(length), leeway === null ? 5 : indexOf(leeway), soft(end, rt)];
  const endLength = codePointLength(textOf(ending));
  if (most < endLength) raise('AssertionError', `expected length >= ${endLength}, got ${most}`);
  if (slack < 0) raise('AssertionError', `expected leeway >= 0, got ${slack}`);
  if (lengthOf(value, rt) <= most + slack) return value;
  if (!isText(value)) raise('AttributeError', `'${typeName(value)}' object has no attribute 'rsplit'`);
  const cut = codePointSlice(textOf(value), 0, most - endLength);
  const space = cut.lastIndexOf(' ');
  return binary('+', like(value, truth(killWords, rt) || space < 0 ? cut : cut.slice(0, space)), ending, rt);
}

function center(value: Value, [width = 80n]: Args, rt: Runtime): Value {
  const text = soft(value, rt);
  const wanted = indexOf(width);
  const missing = wanted - codePointLength(textOf(text));
  if (missing <= 0) return text;
  rt.allocate(missing);
  const left = centerLeft(missing, wanted);
  return like(text, ' '.repeat(left) + textOf(text) + ' '.repeat(missing - left));
}

function wordwrap(value: Value, [width = 79n, breakLongWords = true, wrapString = null, breakOnHyphens = true]: Args, rt: Runtime): Value {
  if (value instanceof Undefined) value.fail();
  if (!isText(value)) raise('AttributeError', `'${typeName(value)}' object has no attribute 'splitlines'`);
  const between = wrapString === null ? '\n' : textOf(soft(wrapString, rt));
  const options = { width: indexOf(width), breakLongWords: truth(breakLongWords, rt), breakOnHyphens: truth(breakOnHyphens, rt) };
  const lines = splitLines(textOf(value)).map((line) => wrap(line, options).join(between));
  const wrapped = lines.join(between);
  rt.allocate(wrapped.length);
  return wrapped;
}

const format: Filter = (value, { positional: values, named }, rt) => {
  if (values.length > 0 && named.size > 0) raise('FilterArgumentError', "can't handle positional and keyword arguments at the same time");
  return binary('%', soft(value, rt), named.size > 0 ? PyDict.ofText(named) : new PyTuple([...values]), rt);
};

function stripTags(value: Value, rt: Runtime): string {
  const source = rt.str(value);
  let kept = '';
  let at = 0;
  for (let start = source.indexOf('<'); start >= 0; start = source.indexOf('<', at)) {
    const closer = source.startsWith('<!--', start) ? '-->' : '>';
    const end = source.indexOf(closer, closer === '>' ? start : start + 4);
    if (end < 0) break;
    kept += source.slice(at, start);
    at = end + closer.length;
  }
  return unescapeHtml(words(kept + source.slice(at)).join(' '));
}

function xmlAttributes(value: Value, [autospace = true]: Args, rt: Runtime, autoescape: boolean): Value {
  if (value instanceof Undefined) value.fail();
  if (!(value instanceof PyDict)) raise('AttributeError', `'${typeName(value)}' object has no attribute 'items'`);
  const attributes: string[] = [];
  for (const [key, item] of value.pairs()) {
    if (item === null || item instanceof Undefined) continue;
    if (!isText(key)) raise('TypeError', `expected string or bytes-like object, got '${typeName(key)}'`);
    if (/[\t-\r />=]/.test(textOf(key))) raise('ValueError', `Invalid character in attribute name: ${rt.repr(key)}`);
    attributes.push(`${escaped(key)}="${escape(item, rt).text}"`);
  }
  const text = (truth(autospace, rt) && attributes.length > 0 ? ' ' : '') + attributes.join(' ');
  return autoescape ? new Markup(text) : text;
}

function urlEncode(value: Value, rt: Runtime): string {
  if (isText(value) || !isIterable(value)) return quoteUrl(rt.str(value), '/');
  if (value instanceof Undefined) value.fail();
  const quote = (part: Value): string => quoteUrl(rt.str(part), '').replaceAll('%20', '+');
  const pairs = value instanceof PyDict ? [...value.pairs()] : [...iterate(value, rt)].map((pair) => {
    const parts = [...iterate(pair, rt)];
    if (parts.length !== 2) raise('ValueError', parts.length > 2 ? 'too many values to unpack (expected 2)' : `not enough values to unpack (expected 2, got ${parts.length})`);
    return parts as [Value, Value];
  });
  return pairs.map(([key, item]) => `${quote(key)}=${quote(item)}`).join('&');
}

const TITLE_SEPARATOR = /([-\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000({[<]+)/;

/** Jinja's own title case: a capital after blanks, hyphens and opening brackets only. */
const title = (text: string): string =>
  text.split(TITLE_SEPARATOR).filter((part) => part !== '').map((part) => {
    const [first = ''] = codePoints(part);
    return upperText(first) + lowerText(part.slice(first.length));
  }).join('');

export const TEXT_FILTERS: { readonly [name: string]: Filter } = {
  upper: mapped('upper', upperText),
  lower: mapped('lower', lowerText),
  title: filter('title', '', (value, _, rt) => {
    const text = textOf(soft(value, rt));
    rt.allocate(text.length);
    return title(text);
  }),
  capitalize: mapped('capitalize', capitalizeText),
  string: filter('string', '', (value, _, rt) => soft(value, rt)),
  trim: filter('trim', 'chars?', (value, [chars = null], rt) => callMethod(soft(value, rt), 'strip', [chars], rt)),
  replace: filter('replace', 'old new count?', replace),
  indent: filter('indent', 'width? first? blank?', indent),
  truncate: filter('truncate', 'length? killwords? end? leeway?', truncate),
  center: filter('center', 'width?', center),
  wordwrap: filter('wordwrap', 'width? break_long_words? wrapstring? break_on_hyphens?', wordwrap),
  wordcount: filter('wordcount', '', (value, _, rt) => BigInt(textOf(soft(value, rt)).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)),
  format,
  escape: filter('escape', '', (value, _, rt) => escape(value, rt)),
  e: filter('escape', '', (value, _, rt) => escape(value, rt)),
  forceescape: filter('forceescape', '', (value, _, rt) => new Markup(escapeHtml(rt.str(value)))),
  safe: filter('safe', '', (value, _, rt) => new Markup(rt.str(value))),
  striptags: filter('striptags', '', (value, _, rt) => stripTags(value, rt)),
  xmlattr: filter('xmlattr', 'autospace?', xmlAttributes),
  urlencode: filter('urlencode', '', (value, _, rt) => urlEncode(value, rt)),
  urlize: filter('urlize', 'trim_url_limit? nofollow? target? rel? extra_schemes?', urlize),
  pprint: filter('pprint', '', (value, _, rt) => pprint(value, rt)),
};
