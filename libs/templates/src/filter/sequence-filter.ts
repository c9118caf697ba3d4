import { raise } from '../error.ts';
import type { Filter, Runtime } from '../runtime.ts';
import { attributeGetter, attributesGetter, ignoreCase } from './attribute-path.ts';
import { filter } from './filter.ts';
import type { Arguments } from '../value/arguments.ts';
import { PyDict } from '../value/dict.ts';
import { arithmetic } from '../value/number.ts';
import { binary } from '../value/binary.ts';
import { equals, escaped, hashKey, isIterable, iterate, order, sorted, truth } from '../value/operator.ts';
import { lengthOf, list, PyIterator, PyList, PyTuple, reversedOf } from '../value/sequence.ts';
import { codePoints, escapeHtml } from '../value/text.ts';
import { indexOf, isInt, isText, like, Markup, textOf, Undefined } from '../value/value.ts';
import type { Value } from '../value/value.ts';

const lazy = (items: Generator<Value, void, undefined>): PyIterator => new PyIterator(items);

/** One of the group of `groupby`: a pair that also answers to `grouper` and `list`. */
class Group extends PyTuple {
  override readonly typeName: string = '_GroupTuple';

  override attribute(name: string): Value | undefined {
    if (name === 'grouper') return this.items[0];
    return name === 'list' ? this.items[1] : super.attribute(name);
  }
}

function groupBy(value: Value, [attribute, otherwise, caseSensitive]: readonly (Value | undefined)[], rt: Runtime): Value {
  const caseless = !truth(caseSensitive ?? false, rt);
  const key = attributeGetter(attribute, rt, { caseless, otherwise });
  const shown = attributeGetter(attribute, rt, { otherwise });
  const groups: { readonly key: Value; readonly items: Value[] }[] = [];
  for (const item of sorted([...iterate(value, rt)], key, false, rt)) {
    const itemKey = key(item);
    const last = groups.at(-1);
    if (last !== undefined && equals(last.key, itemKey, rt)) last.items.push(item);
    else groups.push({ key: itemKey, items: [item] });
  }
  return list(groups.map((group) => new Group([caseless ? shown(group.items[0] as Value) : group.key, new PyList(group.items)])));
}

function extreme(wanted: 'smallest' | 'largest'): Filter {
  return filter('min', 'case_sensitive? attribute?', (value, [caseSensitive, attribute], rt) => {
    const key = attributeGetter(attribute, rt, { caseless: !truth(caseSensitive ?? false, rt) });
    let best: { readonly item: Value; readonly key: Value } | undefined;
    for (const item of iterate(value, rt)) {
      const itemKey = key(item);
      if (best === undefined || (wanted === 'smallest' ? order('<', itemKey, best.key, rt) < 0 : order('>', itemKey, best.key, rt) > 0)) best = { item, key: itemKey };
    }
    return best === undefined ? new Undefined('No aggregated item, sequence was empty.') : best.item;
  });
}

/** `select`, `reject` and their kin: a test by name, or truth, of each item or of an attribute of it. */
const selection = (keep: boolean, byAttribute: boolean): Filter => (value, args, rt) => lazy((function* select(): Generator<Value, void, undefined> {
  if (!truth(value, rt)) return;
  const holds = tested(args, byAttribute, rt);
  for (const item of iterate(value, rt)) if (holds(item) === keep) yield item;
})());

function tested({ positional, named }: Arguments, byAttribute: boolean, rt: Runtime): (item: Value) => boolean {
  if (byAttribute && positional.length === 0) raise('FilterArgumentError', 'Missing parameter for attribute name');
  const read = byAttribute ? attributeGetter(positional[0], rt) : (item: Value): Value => item;
  const [name, ...rest] = byAttribute ? positional.slice(1) : positional;
  if (name === undefined) return (item) => truth(read(item), rt);
  const test = rt.library.tests.get(rt.str(name)) ?? raise('TemplateRuntimeError', `No test named ${rt.repr(name)}.`);
  return (item) => test(read(item), { positional: rest, named }, rt);
}

const map: Filter = (value, args, rt, autoescape) => lazy((function* mapped(): Generator<Value, void, undefined> {
  if (!truth(value, rt)) return;
  const apply = mapper(args, rt, autoescape);
  for (const item of iterate(value, rt)) yield apply(item);
})());

function mapper({ positional, named }: Arguments, rt: Runtime, autoescape: boolean): (item: Value) => Value {
  if (positional.length === 0 && named.has('attribute')) {
    const { attribute, default: otherwise, ...rest } = Object.fromEntries(named) as { readonly attribute: Value; readonly default?: Value };
    const [unexpected] = Object.keys(rest);
    if (unexpected !== undefined) raise('FilterArgumentError', `Unexpected keyword argument '${unexpected}'`);
    return attributeGetter(attribute, rt, { otherwise });
  }
  const [name, ...rest] = positional;
  if (name === undefined) raise('FilterArgumentError', 'map requires a filter argument');
  const apply = rt.library.filters.get(rt.str(name)) ?? raise('TemplateRuntimeError', `No filter named ${rt.repr(name)}.`);
  return (item) => apply(item, { positional: rest, named }, rt, autoescape);
}

function* batch(value: Value, size: Value, fill: Value, rt: Runtime): Generator<Value, void, undefined> {
  let items: Value[] = [];
  for (const item of iterate(value, rt)) {
    if (equals(BigInt(items.length), size, rt)) {
      yield new PyList(items);
      items = [];
    }
    items.push(item);
  }
  if (items.length === 0) return;
  if (fill !== null) {
    const missing = order('<', BigInt(items.length), size, rt) < 0 ? indexOf(binary('-', size, BigInt(items.length), rt)) : 0;
    rt.allocate(missing);
    items.push(...Array.from({ length: missing }, () => fill));
  }
  yield new PyList(items);
}

function* slices(value: Value, count: number, fill: Value, rt: Runtime): Generator<Value, void, undefined> {
  const items = [...iterate(value, rt)];
  if (count === 0) raise('ZeroDivisionError', 'integer division or modulo by zero');
  const size = Math.floor(items.length / count);
  const longer = items.length - size * count;
  for (let at = 0, from = 0; at < count; at++) {
    rt.allocate(1);
    const to = from + size + (at < longer ? 1 : 0);
    yield new PyList([...items.slice(from, to), ...(fill !== null && at >= longer ? [fill] : [])]);
    from = to;
  }
}

function* unique(value: Value, key: (item: Value) => Value, rt: Runtime): Generator<Value, void, undefined> {
  const seen = new Set<string>();
  for (const item of iterate(value, rt)) {
    const hash = hashKey(key(item), rt);
    if (seen.has(hash)) continue;
    seen.add(hash);
    yield item;
  }
}

function join(value: Value, [separator = '', attribute]: readonly (Value | undefined)[], rt: Runtime, autoescape: boolean): Value {
  const read = attributeGetter(attribute, rt);
  const items: Value[] = [];
  for (const item of iterate(value, rt)) items.push(read(item));
  const markup = autoescape && (separator instanceof Markup || items.some((item) => item instanceof Markup));
  const write = (item: Value): string => (markup ? (isText(item) ? escaped(item) : escapeHtml(rt.str(item))) : rt.str(item));
  const between = write(separator);
  const texts = items.map((item) => {
    const text = write(item);
    rt.allocate(text.length + between.length);
    return text;
  });
  return markup ? new Markup(texts.join(between)) : texts.join(between);
}

function reverse(value: Value, rt: Runtime): Value {
  if (isText(value)) return like(value, codePoints(textOf(value)).reverse().join(''));
  const backwards = reversedOf(value, rt);
  if (backwards !== undefined) return new PyIterator(backwards, 'reversed');
  return isIterable(value) ? new PyList([...iterate(value, rt)].reverse()) : raise('FilterArgumentError', 'argument must be iterable');
}

function sum(value: Value, [attribute, start = 0n]: readonly (Value | undefined)[], rt: Runtime): Value {
  const read = attributeGetter(attribute, rt);
  if (isText(start)) raise('TypeError', "sum() can't sum strings [use ''.join(seq) instead]");
  let total: Value = start;
  for (const item of iterate(value, rt)) total = isInt(total) && isInt(read(item)) ? arithmetic('+', total, read(item) as bigint) : binary('+', total, read(item), rt);
  return total;
}

function dictSort(value: Value, [caseSensitive, by = 'key', reversed]: readonly (Value | undefined)[], rt: Runtime): Value {
  if (by !== 'key' && by !== 'value') raise('FilterArgumentError', 'You can only sort by either "key" or "value"');
  const pairs = mapping(value).pairs();
  const at = by === 'key' ? 0 : 1;
  const tuples = [...pairs].map((pair) => new PyTuple([...pair]));
  const key = (item: Value): Value => {
    const part = (item as PyTuple).items[at] as Value;
    return truth(caseSensitive ?? false, rt) ? part : ignoreCase(part);
  };
  return new PyList(sorted(tuples, key, truth(reversed ?? false, rt), rt));
}

function mapping(value: Value): PyDict {
  if (value instanceof PyDict) return value;
  if (value instanceof Undefined) value.fail();
  return raise('AttributeError', `'${value === null ? 'NoneType' : typeof value}' object has no attribute 'items'`);
}

const count: Filter = filter('len', '', (value, _, rt) => BigInt(lengthOf(value, rt)));

export const SEQUENCE_FILTERS: { readonly [name: string]: Filter } = {
  length: count,
  count,
  list: filter('list', '', (value, _, rt) => list(iterate(value, rt))),
  first: filter('first', '', (value, _, rt) => {
    for (const item of iterate(value, rt)) return item;
    return new Undefined('No first item, sequence was empty.');
  }),
  last: filter('last', '', (value, _, rt) => {
    const backwards = reversedOf(value, rt) ?? raise('TypeError', 'object is not reversible');
    const next = backwards.next();
    return next.done === true ? new Undefined('No last item, sequence was empty.') : next.value;
  }),
  random: filter('random', '', (value, _, rt) => {
    const items = [...iterate(value, rt)];
    return items.length === 0 ? new Undefined('No random item, sequence was empty.') : (items[Math.floor(rt.random() * items.length)] as Value);
  }),
  join: filter('join', 'd? attribute?', join),
  reverse: filter('reverse', '', (value, _, rt) => reverse(value, rt)),
  sort: filter('sort', 'reverse? case_sensitive? attribute?', (value, [reversed, caseSensitive, attribute], rt) => {
    const keys = attributesGetter(attribute, !truth(caseSensitive ?? false, rt), rt);
    return new PyList(sorted([...iterate(value, rt)], (item) => new PyList(keys(item)), truth(reversed ?? false, rt), rt));
  }),
  unique: filter('unique', 'case_sensitive? attribute?', (value, [caseSensitive, attribute], rt) =>
    lazy(unique(value, attributeGetter(attribute, rt, { caseless: !truth(caseSensitive ?? false, rt) }), rt))),
  min: extreme('smallest'),
  max: extreme('largest'),
  sum: filter('sum', 'attribute? start?', sum),
  groupby: filter('groupby', 'attribute default? case_sensitive?', groupBy),
  batch: filter('batch', 'linecount fill_with?', (value, [size, fill = null], rt) => lazy(batch(value, size as Value, fill, rt))),
  slice: filter('slice', 'slices fill_with?', (value, [slicesWanted, fill = null], rt) => lazy(slices(value, indexOf(slicesWanted as Value), fill, rt))),
  map,
  select: selection(true, false),
  reject: selection(false, false),
  selectattr: selection(true, true),
  rejectattr: selection(false, true),
  dictsort: filter('dictsort', 'case_sensitive? by? reverse?', dictSort),
  items: filter('items', '', (value, _, rt) => lazy((function* items(): Generator<Value, void, undefined> {
    if (value instanceof Undefined) return;
    if (!(value instanceof PyDict)) raise('TypeError', 'Can only get item pairs from a mapping.');
    for (const pair of value.pairs()) {
      rt.allocate(1);
      yield new PyTuple([...pair]);
    }
  })())),
};
