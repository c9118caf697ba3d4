import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import type { Arguments } from '../value/arguments.ts';
import { bind } from '../value/arguments.ts';
import { MethodTable, parsed } from '../value/function.ts';
import { arithmetic, floorDivide, round, toInt } from '../value/number.ts';
import type { BinaryOperator } from '../value/operator.ts';
import { floatOf, intOf, isInt, isNumber, PyObject, typeName, Undefined } from '../value/value.ts';
import type { Value } from '../value/value.ts';
import { DAY, HOUR, MINUTE, SECOND } from './wall.ts';

const MAX_DAYS = 999_999_999n;

/** Numbers of units as microseconds in all: what is left of floats is summed first, then rounded, a half to make the sum even. */
export function spanMicros(parts: readonly (readonly [value: Value | undefined, unit: bigint])[], callee: string): bigint {
  let sum = 0n;
  let left = 0;
  for (const [value, unit] of parts) {
    if (value === undefined) continue;
    if (value instanceof Undefined) value.fail();
    if (isInt(value)) sum += intOf(value) * unit;
    else if (typeof value !== 'number') raise('TypeError', `unsupported type for ${callee} component: ${typeName(value)}`);
    else {
      const whole = toInt(value);
      const fraction = (value - Number(whole)) * Number(unit);
      sum += whole * unit + toInt(fraction);
      left += fraction - Math.trunc(fraction);
    }
  }
  const low = Math.floor(left);
  const rest = left - low;
  const lowSum = sum + BigInt(low);
  return rest > 0.5 || (rest === 0.5 && lowSum % 2n !== 0n) ? lowSum + 1n : lowSum;
}

/** In the order of the arguments of `timedelta`. */
const UNITS = [DAY, SECOND, 1n, 1000n, MINUTE, HOUR, 7n * DAY];

/** `datetime.timedelta`. */
export class PyTimedelta extends PyObject {
  override readonly typeName: string = 'datetime.timedelta';
  readonly micros: bigint;

  constructor(micros: bigint) {
    super();
    const days = floorDivide(micros, DAY);
    if (days > MAX_DAYS || days < -MAX_DAYS) raise('OverflowError', `days=${days}; must have magnitude <= ${MAX_DAYS}`);
    this.micros = micros;
  }

  get days(): bigint {
    return floorDivide(this.micros, DAY);
  }

  /** What is left of the days, in whole seconds. */
  get seconds(): bigint {
    return floorDivide(this.micros - this.days * DAY, SECOND);
  }

  get microseconds(): bigint {
    return this.micros - floorDivide(this.micros, SECOND) * SECOND;
  }

  get totalSeconds(): number {
    return arithmetic('/', this.micros, SECOND) as number;
  }

  protected make(micros: bigint): PyTimedelta {
    return new PyTimedelta(micros);
  }

  override repr(_rt: Runtime): string {
    const parts = ([['days', this.days], ['seconds', this.seconds], ['microseconds', this.microseconds]] as const).filter(([, value]) => value !== 0n);
    return `datetime.timedelta(${parts.length === 0 ? '0' : parts.map(([name, value]) => `${name}=${value}`).join(', ')})`;
  }

  override str(_rt: Runtime): string {
    const { days, seconds, microseconds } = this;
    const clock = `${seconds / 3600n}:${String((seconds / 60n) % 60n).padStart(2, '0')}:${String(seconds % 60n).padStart(2, '0')}`;
    const fraction = microseconds === 0n ? '' : `.${String(microseconds).padStart(6, '0')}`;
    return `${days === 0n ? '' : `${days} day${days === 1n || days === -1n ? '' : 's'}, `}${clock}${fraction}`;
  }

  override truth(): boolean {
    return this.micros !== 0n;
  }

  override equals(other: Value): boolean {
    return other instanceof PyTimedelta && other.micros === this.micros;
  }

  override hashKey(): string {
    return `timedelta${this.micros}`;
  }

  override compare(other: Value): number | undefined {
    return other instanceof PyTimedelta ? Number(this.micros > other.micros) - Number(this.micros < other.micros) : undefined;
  }

  override unary(operator: '-' | '+' | 'abs'): Value {
    return this.make(operator === '-' || (operator === 'abs' && this.micros < 0n) ? -this.micros : this.micros);
  }

  override binary(operator: BinaryOperator, other: Value, reflected: boolean, _rt: Runtime): Value | undefined {
    if (operator === '*' && isNumber(other)) return this.make(isInt(other) ? this.micros * intOf(other) : toInt(round(Number(this.micros) * floatOf(other), undefined)));
    if (other instanceof PyTimedelta) return this.withTimedelta(operator, reflected ? other : this, reflected ? this : other);
    if (reflected || !isNumber(other)) return undefined;
    if (floatOf(other) === 0 && (operator === '/' || operator === '//')) raise('ZeroDivisionError', 'integer division or modulo by zero');
    if (operator === '//' && isInt(other)) return this.make(floorDivide(this.micros, intOf(other)));
    if (operator !== '/') return undefined;
    return this.make(isInt(other) ? divideRounded(this.micros, intOf(other)) : toInt(round(Number(this.micros) / floatOf(other), undefined)));
  }

  private withTimedelta(operator: BinaryOperator, left: PyTimedelta, right: PyTimedelta): Value | undefined {
    // A sum is of the kind that one of them extends `timedelta` to.
    if (operator === '+') return (left.constructor === PyTimedelta ? right : left).make(left.micros + right.micros);
    if (operator === '-') return left.make(left.micros - right.micros);
    if (operator === '/' || operator === '//') return arithmetic(operator, left.micros, right.micros);
    return operator === '%' ? left.make(arithmetic('%', left.micros, right.micros) as bigint) : undefined;
  }

  override attribute(name: string, _rt: Runtime): Value | undefined {
    if (name === 'days' || name === 'seconds' || name === 'microseconds') return this[name];
    return TIMEDELTA_METHODS.bound(this, name);
  }
}

function divideRounded(left: bigint, right: bigint): bigint {
  const low = floorDivide(left, right);
  const twice = (left - low * right) * 2n;
  const size = right < 0n ? -right : right;
  const distance = twice < 0n ? -twice : twice;
  return distance > size || (distance === size && low % 2n !== 0n) ? low + 1n : low;
}

const TIMEDELTA_METHODS = new MethodTable<PyTimedelta>({ total_seconds: ['', (self) => self.totalSeconds] });

const SIGNATURE = 'days? seconds? microseconds? milliseconds? minutes? hours? weeks?';

function makeTimedelta(args: Arguments): PyTimedelta {
  const values = bind('timedelta', parsed(SIGNATURE), args);
  return new PyTimedelta(spanMicros(UNITS.map((unit, at) => [values[at], unit] as const), 'timedelta'));
}

/** The class `timedelta`, to be called. */
export class TimedeltaType extends PyObject {
  override readonly typeName = 'type';

  override repr(): string {
    return "<class 'datetime.timedelta'>";
  }

  override call(args: Arguments): Value {
    return makeTimedelta(args);
  }

  override attribute(name: string): Value | undefined {
    if (name === 'min') return new PyTimedelta(-MAX_DAYS * DAY);
    if (name === 'max') return new PyTimedelta((MAX_DAYS + 1n) * DAY - 1n);
    return name === 'resolution' ? new PyTimedelta(1n) : undefined;
  }
}
