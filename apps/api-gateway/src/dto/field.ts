import { ApiProperty, ApiQuery, type ApiPropertyOptions } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsOptional, registerDecorator } from 'class-validator';

/**
 * One field of a request, said once: its place in the OpenAPI document, how its text is read, and the rule it must keep.
 * The rule bears pydantic's name for it, because clients of Airflow branch on that name.
 */
interface Rule {
  readonly type: string;
  readonly says: string;
  readonly schema: ApiPropertyOptions;
  /** The value as the handlers want it; `UNREADABLE` when it breaks the rule. */
  readonly read: (raw: unknown) => unknown;
}

const UNREADABLE = Symbol('unreadable');

/** What a field whose rule is broken holds until the pipe has told so: the raw value, unlike any value that was read. */
class Unread {
  constructor(readonly raw: unknown) {}
}

export const rawOf = (value: unknown): unknown => (value instanceof Unread ? value.raw : value);

interface FieldOptions {
  readonly required?: boolean;
  /** null is a value of its own, other than absence. */
  readonly nullable?: boolean;
}

const namesOf = new Map<object, { name: string; rule: Rule; required: boolean }[]>();

function field(rule: Rule, { required = false, nullable = false }: FieldOptions = {}): PropertyDecorator {
  return (target, property) => {
    const name = String(property);
    const known = namesOf.get(target) ?? [];
    known.push({ name, rule, required });
    namesOf.set(target, known);
    ApiProperty({ ...rule.schema, required, ...(nullable ? { nullable: true } : {}) } as ApiPropertyOptions)(target, property);
    Transform(({ value }) => {
      if (value === undefined || (value === null && nullable)) return value as unknown;
      const read = rule.read(value);
      return read === UNREADABLE ? new Unread(value) : read;
    })(target, property);
    if (!required) IsOptional()(target, property);
    registerDecorator({
      name: rule.type,
      target: target.constructor,
      propertyName: name,
      options: { message: rule.says },
      validator: { validate: (value: unknown) => (value === null ? nullable : value !== undefined && !(value instanceof Unread)) },
    });
  };
}

const fieldsOf = (prototype: object | null): { name: string; rule: Rule; required: boolean }[] =>
  prototype === null ? [] : [...fieldsOf(Object.getPrototypeOf(prototype) as object | null), ...(namesOf.get(prototype) ?? [])];

/** Documents every field of a query class; Nest cannot see the class, since no type metadata is emitted. */
export function QueryOf(query: new () => object): MethodDecorator {
  return (target, property, descriptor) => {
    for (const { name, rule, required } of fieldsOf(query.prototype as object)) {
      const { type, isArray, enum: words, ...schema } = rule.schema as { type?: unknown; isArray?: boolean; enum?: readonly string[] } & Record<string, unknown>;
      ApiQuery({
        name,
        required,
        ...schema,
        ...(words === undefined ? { type: type as never } : { enum: [...words] }),
        ...(isArray === true ? { isArray: true } : {}),
      })(target, property, descriptor);
    }
  };
}

const text = (raw: unknown, maxLength: number): string | typeof UNREADABLE =>
  typeof raw === 'string' && raw.length <= maxLength && !raw.includes('\u0000') ? raw : UNREADABLE;

const each = (raw: unknown, read: (item: unknown) => unknown): unknown => {
  const items = (Array.isArray(raw) ? raw : [raw]).map(read);
  return items.length > 1_000 || items.includes(UNREADABLE) ? UNREADABLE : items;
};

const wholeNumber = (raw: unknown, min: number, max: number): number | typeof UNREADABLE => {
  const number = typeof raw === 'string' && /^-?\d{1,15}$/.test(raw) ? Number(raw) : raw;
  return typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max ? number : UNREADABLE;
};

const INSTANT = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;

/** ISO-8601 to epoch milliseconds. Without an offset it is UTC, as in Airflow; a `+` that a client left unescaped arrives as a space. */
export function instantMs(raw: string): number | null {
  const mended = raw.trim().replace(/(:\d{2}(?:\.\d+)?) (\d{2}:?\d{2})$/, '$1+$2');
  if (!INSTANT.test(mended)) return null;
  const [date = '', rest = ''] = mended.split(/[T ]/);
  const hasOffset = /(?:Z|[+-]\d{2}:?\d{2})$/.test(rest);
  const atMs = Date.parse(`${date}T${rest === '' ? '00:00' : rest.replace(/([+-]\d{2})(\d{2})$/, '$1:$2')}${hasOffset ? '' : 'Z'}`);
  // Date.parse rolls an impossible day over into the next month.
  const day = Number(date.slice(8, 10));
  const daysInMonth = new Date(Date.UTC(Number(date.slice(0, 4)), Number(date.slice(5, 7)), 0)).getUTCDate();
  return Number.isNaN(atMs) || day > daysInMonth ? null : atMs;
}

export const Text = (options: FieldOptions & { maxLength?: number } = {}): PropertyDecorator => {
  const maxLength = options.maxLength ?? 1_000;
  return field({ type: 'string_type', says: `Input should be a string of at most ${maxLength} characters, without U+0000`, schema: { type: String, maxLength }, read: (raw) => text(raw, maxLength) }, options);
};

export const Matching = (pattern: RegExp, options: FieldOptions = {}): PropertyDecorator =>
  field(
    {
      type: 'string_pattern_mismatch',
      says: `String should match pattern '${pattern.source}'`,
      schema: { type: String, pattern: pattern.source },
      read: (raw) => (typeof raw === 'string' && pattern.test(raw) ? raw : UNREADABLE),
    },
    options,
  );

export const TextList = (options: FieldOptions = {}): PropertyDecorator =>
  field({ type: 'string_type', says: 'Input should be strings', schema: { type: String, isArray: true }, read: (raw) => each(raw, (item) => text(item, 1_000)) }, options);

export const Whole = ({ min = -2_147_483_648, max = 2_147_483_647, ...options }: FieldOptions & { min?: number; max?: number; default?: number } = {}): PropertyDecorator =>
  field(
    {
      type: 'int_parsing',
      says: `Input should be a whole number from ${min} to ${max}`,
      schema: { type: 'integer', minimum: min, maximum: max, ...(options.default === undefined ? {} : { default: options.default }) },
      read: (raw) => wholeNumber(raw, min, max),
    },
    options,
  );

export const WholeList = (): PropertyDecorator =>
  field({ type: 'int_parsing', says: 'Input should be whole numbers', schema: { type: 'integer', isArray: true } as ApiPropertyOptions, read: (raw) => each(raw, (item) => wholeNumber(item, -2_147_483_648, 2_147_483_647)) });

export const Amount = (): PropertyDecorator =>
  field({
    type: 'float_parsing',
    says: 'Input should be a number',
    schema: { type: Number },
    read: (raw) => (raw !== '' && (typeof raw === 'string' || typeof raw === 'number') && Number.isFinite(Number(raw)) ? Number(raw) : UNREADABLE),
  });

const BOOLEANS = new Map<unknown, boolean>([[true, true], [false, false], ['true', true], ['false', false], ['True', true], ['False', false], ['1', true], ['0', false]]);
export const Truth = (options: FieldOptions & { default?: boolean } = {}): PropertyDecorator =>
  field(
    {
      type: 'bool_parsing',
      says: 'Input should be true or false',
      schema: { type: Boolean, ...(options.default === undefined ? {} : { default: options.default }) },
      read: (raw) => BOOLEANS.get(raw) ?? UNREADABLE,
    },
    options,
  );

export const Instant = (options: FieldOptions = {}): PropertyDecorator =>
  field(
    {
      type: 'datetime_parsing',
      says: 'Input should be an instant in ISO-8601, such as 2026-11-25T00:00:00Z',
      schema: { type: String, format: 'date-time' },
      read: (raw) => (typeof raw === 'string' ? (instantMs(raw) ?? UNREADABLE) : UNREADABLE),
    },
    options,
  );

/** An instant, or a word in its place. */
export const InstantOr = (word: string, options: FieldOptions = {}): PropertyDecorator =>
  field(
    {
      type: 'datetime_parsing',
      says: `Input should be '${word}', or an instant in ISO-8601, such as 2026-11-25T00:00:00Z`,
      schema: { type: String },
      read: (raw) => (raw === word ? raw : typeof raw === 'string' ? (instantMs(raw) ?? UNREADABLE) : UNREADABLE),
    },
    options,
  );

export const Choice = (words: readonly string[], options: FieldOptions = {}): PropertyDecorator =>
  field({ type: 'enum', says: `Input should be ${inWords(words)}`, schema: { type: String, enum: [...words] }, read: (raw) => (words.includes(raw as string) ? raw : UNREADABLE) }, options);

export const ChoiceList = (words: readonly string[]): PropertyDecorator =>
  field({ type: 'enum', says: `Input should be ${inWords(words)}`, schema: { type: String, enum: [...words], isArray: true }, read: (raw) => each(raw, (item) => (words.includes(item as string) ? item : UNREADABLE)) });

/** A JSON object of the client's own making, taken as it is. */
export const JsonObject = (options: FieldOptions = {}): PropertyDecorator =>
  field(
    {
      type: 'dict_type',
      says: 'Input should be a JSON object',
      schema: { type: 'object', additionalProperties: true },
      read: (raw) => (typeof raw === 'object' && raw !== null && !Array.isArray(raw) ? raw : UNREADABLE),
    },
    options,
  );

/** Any JSON. */
export const JsonValue = (options: FieldOptions = {}): PropertyDecorator =>
  field({ type: 'json_type', says: 'Input should be JSON', schema: { type: Object, oneOf: ['string', 'number', 'boolean', 'object'].map((type) => ({ type })).concat({ type: 'array', items: {} } as never) } as ApiPropertyOptions, read: (raw) => raw }, { nullable: true, ...options });

/** At most a thousand JSON objects. */
export const ObjectList = (options: FieldOptions = {}): PropertyDecorator =>
  field(
    {
      type: 'list_type',
      says: 'Input should be a list of at most 1000 JSON objects',
      schema: { type: 'object', additionalProperties: true, isArray: true } as ApiPropertyOptions,
      read: (raw) => (Array.isArray(raw) && raw.length <= 1_000 && raw.every((item) => typeof item === 'object' && item !== null && !Array.isArray(item)) ? raw : UNREADABLE),
    },
    options,
  );

/** Task ids, or pairs of a task id and a map index. */
export const TaskRefs = (): PropertyDecorator =>
  field({
    type: 'task_ids',
    says: 'Input should be task ids, or pairs [task id, map index]',
    schema: {
      type: 'array',
      items: { oneOf: [{ type: 'string' }, { type: 'array', items: { oneOf: [{ type: 'string' }, { type: 'integer' }] }, minItems: 2, maxItems: 2 }] },
    } as ApiPropertyOptions,
    read: (raw) => (Array.isArray(raw) && raw.length <= 10_000 && raw.every(isTaskRef) ? raw : UNREADABLE),
  });

const isTaskRef = (item: unknown): boolean =>
  typeof item === 'string' || (Array.isArray(item) && item.length === 2 && typeof item[0] === 'string' && Number.isInteger(item[1]));

const inWords = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(', ').replace(/, ('[^']*')$/, ' or $1');
