import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import { fn } from '../value/function.ts';
import { toFloatValue } from '../value/number.ts';
import { PyTuple } from '../value/sequence.ts';
import { indexOf } from '../value/value.ts';
import type { Value } from '../value/value.ts';
import { PyDateTime, seenIn, StructTime } from './datetime.ts';
import { PyModule } from './module.ts';
import { strptime } from './strptime.ts';
import type { Wall } from './wall.ts';
import { checkedWall } from './wall.ts';
import { UTC } from './zone.ts';

type Args = readonly (Value | undefined)[];

/** The wall clock of a `struct_time`, or of as many numbers; now without one. The local zone of a template is UTC. */
function wallOf(time: Value | undefined, rt: Runtime): Wall {
  if (time === undefined) return seenIn(UTC, rt.nowMicros()).wall;
  if (!(time instanceof PyTuple) || time.items.length !== 9) return raise('TypeError', 'Tuple or struct_time argument required');
  const [year, month, day, hour, minute, second] = time.items.slice(0, 6).map(indexOf) as [number, number, number, number, number, number];
  return checkedWall({ year, month, day, hour, minute, second, microsecond: 0 });
}

const wallAt = (seconds: Value | undefined, rt: Runtime): Wall =>
  seenIn(UTC, seconds === undefined || seconds === null ? rt.nowMicros() : BigInt(Math.floor(toFloatValue(seconds))) * 1_000_000n).wall;

const told = (wall: Wall): string => new PyDateTime(wall, UTC).strftime('%a %b %e %H:%M:%S %Y');
const broken = ([seconds]: Args, rt: Runtime): Value => new StructTime({ ...wallAt(seconds, rt), microsecond: 0 }, 0);

/** The module `time`, without what waits or measures. */
export const TIME_MODULE = new PyModule('time', [
  ['time', fn('time', '', (_, rt) => Number(rt.nowMicros()) / 1e6)],
  ['gmtime', fn('gmtime', 'seconds? /', broken)],
  ['localtime', fn('localtime', 'seconds? /', broken)],
  ['mktime', fn('mktime', 'time /', ([time], rt) => Number(new PyDateTime(wallOf(time as Value, rt), UTC).instant / 1_000_000n))],
  ['strftime', fn('strftime', 'format time? /', ([format, time], rt) => new PyDateTime(wallOf(time, rt), UTC).strftime(rt.str(format as Value)))],
  ['strptime', fn('strptime', 'string format? /', ([text, format = '%a %b %d %H:%M:%S %Y'], rt) => new StructTime(strptime(rt.str(text as Value), rt.str(format)).wall, -1))],
  ['asctime', fn('asctime', 'time? /', ([time], rt) => told(wallOf(time, rt)))],
  ['ctime', fn('ctime', 'seconds? /', ([seconds], rt) => told(wallAt(seconds, rt)))],
  ['tzname', new PyTuple(['UTC', 'UTC'])],
  ['timezone', 0n],
]);
