import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import { PyModule } from '../date/module.ts';
import { fn } from '../value/function.ts';
import { jsonLayout, readJson, writeJson } from '../value/json.ts';
import { truth } from '../value/operator.ts';
import { PyList, PyTuple } from '../value/sequence.ts';
import { isText, PyObject, textOf, typeName, Undefined } from '../value/value.ts';
import type { Value } from '../value/value.ts';

type Args = readonly (Value | undefined)[];

function dumps([value, skipKeys = false, ascii = true, allowNan = true, indent = null, separators = null, otherwise = null, sortKeys = false]: Args, rt: Runtime): Value {
  const layout = jsonLayout(indent, rt);
  const pair = separators instanceof PyTuple || separators instanceof PyList ? separators.items.map((item) => rt.str(item)) : undefined;
  return writeJson(value as Value, {
    ...layout,
    ...(pair?.length === 2 ? { separators: [pair[0] as string, pair[1] as string] } : separators === null ? {} : raise('TypeError', 'separators are a pair')),
    ...(otherwise instanceof PyObject && otherwise.call !== undefined ? { otherwise } : {}),
    skipKeys: truth(skipKeys, rt), unicode: !truth(ascii, rt), refuseNan: !truth(allowNan, rt), sortKeys: truth(sortKeys, rt),
  }, rt);
}

/** The module `json`. */
export const JSON_MODULE = new PyModule('json', [
  ['loads', fn('loads', 's', ([text], rt) => {
    if (text instanceof Undefined) text.fail();
    if (text === undefined || !isText(text)) return raise('TypeError', `the JSON object must be str, bytes or bytearray, not ${typeName(text ?? null)}`);
    return readJson(textOf(text), rt);
  })],
  ['dumps', fn('dumps', 'obj * skipkeys? ensure_ascii? allow_nan? indent? separators? default? sort_keys?', dumps)],
]);
