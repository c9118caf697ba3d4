import type { Runtime } from '../runtime.ts';
import { fn } from '../value/function.ts';
import { truth } from '../value/operator.ts';
import type { Value } from '../value/value.ts';
import { PyDateTime } from '../date/datetime.ts';
import { DATEUTIL } from '../date/dateutil.ts';
import { DATETIME_TYPE } from '../date/module.ts';
import { datetimeDifferenceForHumans } from '../date/pendulum.ts';
import { TIME_MODULE } from '../date/time-module.ts';
import { strftime } from '../date/strftime.ts';
import { strptime } from '../date/strptime.ts';
import { PyTimedelta, spanMicros, TimedeltaType } from '../date/timedelta.ts';
import { DAY } from '../date/wall.ts';
import { JSON_MODULE } from './json-module.ts';
import { UUID_MODULE } from './uuid-module.ts';

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

/** `macros`, without what a site adds to it. */
export const MACROS: readonly (readonly [string, Value])[] = [
  ['ds_add', fn('ds_add', 'ds days', dsAdd)],
  ['ds_format', fn('ds_format', 'ds input_format output_format', dsFormat)],
  ['datetime_diff_for_humans', fn('datetime_diff_for_humans', 'dt since?', datetimeDifferenceForHumans)],
  ['datetime', DATETIME_TYPE],
  ['timedelta', new TimedeltaType()],
  ['dateutil', DATEUTIL],
  ['time', TIME_MODULE],
  ['uuid', UUID_MODULE],
  ['random', fn('random', '', (_, rt) => rt.random())],
  ['json', JSON_MODULE],
];
