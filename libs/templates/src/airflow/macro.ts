import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import { toJson } from '../filter/value-filter.ts';
import { fn } from '../value/function.ts';
import { truth } from '../value/operator.ts';
import { isText, indexOf, textOf } from '../value/value.ts';
import type { Value } from '../value/value.ts';
import { PyDateTime } from '../date/datetime.ts';
import { DATEUTIL } from '../date/dateutil.ts';
import { DATETIME_TYPE, PyModule, TIME_MODULE } from '../date/module.ts';
import { datetimeDifferenceForHumans } from '../date/pendulum.ts';
import { strftime } from '../date/strftime.ts';
import { strptime } from '../date/strptime.ts';
import { PyTimedelta, spanMicros, TimedeltaType } from '../date/timedelta.ts';
import { DAY } from '../date/wall.ts';
import { fromJson } from './json-value.ts';

type Args = readonly (Value | undefined)[];

function dsAdd([ds, days]: Args, rt: Runtime): Value {
  if (!truth(days as Value, rt)) return rt.str(ds as Value);
  const { wall } = strptime(rt.str(ds as Value), '%Y-%m-%d');
  return new PyDateTime(wall, undefined).plus(new PyTimedelta(spanMicros([[days, DAY]], 'timedelta days')), 1n).strftime('%Y-%m-%d');
}

function dsFormat([ds, input, output]: Args, rt: Runtime): Value {
  const { wall } = strptime(rt.str(ds as Value), rt.str(input as Value));
  return strftime(rt.str(output as Value), { wall, offsetSeconds: undefined, zoneName: '' });
}

function uuid4(rt: Runtime): string {
  const digit = (most = 16): string => Math.floor(rt.random() * most).toString(16);
  return 'xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx'.replace(/[xy]/g, (kind) => (kind === 'x' ? digit() : (8 + Number(`0x${digit(4)}`)).toString(16)));
}

const JSON_MODULE = new PyModule('json', [
  ['loads', fn('loads', 's', ([text]) => {
    if (text === undefined || !isText(text)) return raise('TypeError', 'the JSON object must be str, bytes or bytearray');
    try {
      return fromJson(JSON.parse(textOf(text)) as never);
    } catch {
      return raise('ValueError', 'the text is no JSON');
    }
  })],
  ['dumps', fn('dumps', 'obj * indent? sort_keys? ensure_ascii?', ([value, indent = null], rt) => toJson(value as Value, indent === null ? undefined : indexOf(indent), rt, false))],
]);

/** `macros`, without what a site adds to it. */
export const MACROS: readonly (readonly [string, Value])[] = [
  ['ds_add', fn('ds_add', 'ds days', dsAdd)],
  ['ds_format', fn('ds_format', 'ds input_format output_format', dsFormat)],
  ['datetime_diff_for_humans', fn('datetime_diff_for_humans', 'dt since?', datetimeDifferenceForHumans)],
  ['datetime', DATETIME_TYPE],
  ['timedelta', new TimedeltaType()],
  ['dateutil', DATEUTIL],
  ['time', TIME_MODULE],
  ['uuid', new PyModule('uuid', [['uuid4', fn('uuid4', '', (_, rt) => uuid4(rt))]])],
  ['random', fn('random', '', (_, rt) => rt.random())],
  ['json', JSON_MODULE],
];
