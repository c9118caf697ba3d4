import type { Runtime } from '../runtime.ts';
import { getItem } from '../value/attribute.ts';
import { lowerText } from '../value/letter-case.ts';
import { isText, like, textOf, Undefined } from '../value/value.ts';
import type { Value } from '../value/value.ts';

/** Text in small letters, for comparing without case; anything else as it is. */
export const ignoreCase = (value: Value): Value => (isText(value) ? like(value, lowerText(textOf(value))) : value);

/** Reads an attribute path, `a.b.0`, of an item: numbers in it are positions. Without one, the item itself. */
export function attributeGetter(attribute: Value | undefined, rt: Runtime, { caseless = false, otherwise }: { readonly caseless?: boolean; readonly otherwise?: Value | undefined } = {}): (item: Value) => Value {
  const path = pathOf(attribute);
  return (item) => {
    let value = item;
    for (const part of path) {
      value = getItem(value, part, rt);
      if (otherwise !== undefined && otherwise !== null && value instanceof Undefined) value = otherwise;
    }
    return caseless ? ignoreCase(value) : value;
  };
}

function pathOf(attribute: Value | undefined): Value[] {
  if (attribute === undefined || attribute === null) return [];
  if (!isText(attribute)) return [attribute];
  return textOf(attribute).split('.').map((part) => (/^\d+$/.test(part) ? BigInt(part) : part));
}

/** Several paths with commas between, as `sort` takes them. */
export function attributesGetter(attribute: Value | undefined, caseless: boolean, rt: Runtime): (item: Value) => Value[] {
  const paths = attribute !== undefined && attribute !== null && isText(attribute) ? textOf(attribute).split(',') : [attribute];
  const getters = paths.map((path) => attributeGetter(path, rt, { caseless }));
  return (item) => getters.map((getter) => getter(item));
}
