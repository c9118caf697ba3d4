import { canonicalJson } from '../json.ts';
import type { Json } from '../json.ts';
import { problem } from '../problem.ts';
import type { Problem } from '../problem.ts';
import { parseInstant } from '../schedule/civil.ts';
import type { ParamsDefinition } from './definition.ts';

type JsonObject = { readonly [name: string]: Json };

/** Whether `text` holds what `pattern`, a regular expression of JSON Schema, describes. */
export type PatternMatch = (pattern: string, text: string) => boolean;

const MAX_DEPTH = 64;

/**
 * What a run's conf gets wrong about the DAG's params: values that their JSON Schema does not allow, and params that
 * neither conf nor a default gives. Defaults are the author's, already converted, and not judged again; names that the
 * schema does not know are conf for templates. `pattern` is judged by `matches` when the caller can bound its time, else
 * left to the worker, which asks the author's own schema.
 */
export function paramProblems(params: ParamsDefinition | undefined, conf: JsonObject, matches: PatternMatch = () => true): readonly Problem[] {
  const schema = params?.schema;
  if (params === undefined || !isObject(schema)) return [];
  const given = new Set([...Object.keys(conf), ...Object.keys(params.defaults)]);
  const missing = namesIn(schema['required']).filter((name) => !given.has(name)).map((name) => problem(`params.${name}`, undefined, 'is missing and has no default', 'give it in conf'));
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  const check = new SchemaCheck(schema, matches);
  for (const [name, value] of Object.entries(conf)) {
    const own = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (own !== undefined) check.judge(own, value, `params.${name}`, 0);
  }
  return [...missing, ...check.problems];
}

/** Defaults that their own schema does not allow, and, when runs begin by themselves, params that would then have no value. */
export function paramDefaultProblems(params: ParamsDefinition | undefined, isScheduled: boolean): readonly Problem[] {
  const schema = params?.schema;
  if (params === undefined || !isObject(schema)) return [];
  const unset = isScheduled ? namesIn(schema['required']).filter((name) => !Object.hasOwn(params.defaults, name)) : [];
  const check = new SchemaCheck(schema, () => true);
  for (const [name, property] of Object.entries(isObject(schema['properties']) ? schema['properties'] : {})) {
    if (isObject(property) && property['default'] !== undefined) check.judge(property, property['default'], `params.${name}`, 0);
  }
  return [
    ...check.problems.map((wrong) => ({ ...wrong, remedy: `change the default, or the schema: ${wrong.remedy}` })),
    ...unset.map((name) => problem(`params.${name}`, undefined, 'has no default, and a scheduled run has nobody to give it', 'give it a default, or leave the schedule out')),
  ];
}

/** Values against one JSON Schema document, whose definitions its references lead to. */
class SchemaCheck {
  readonly problems: Problem[] = [];
  readonly #document: JsonObject;
  readonly #matches: PatternMatch;

  constructor(document: JsonObject, matches: PatternMatch) {
    this.#document = document;
    this.#matches = matches;
  }

  judge(schema: Json, value: Json, field: string, depth: number): void {
    if (schema === false) this.#refuse(field, value, 'is not allowed', 'leave it out');
    // A schema may refer to itself for ever; a conf is never as deep.
    if (!isObject(schema) || depth > MAX_DEPTH) return;
    const { $ref: reference } = schema;
    if (typeof reference === 'string') this.judge(this.#resolve(reference), value, field, depth + 1);
    this.#judgeType(schema, value, field);
    this.#judgeChoices(schema, value, field, depth);
    if (typeof value === 'number') this.#judgeNumber(schema, value, field);
    else if (typeof value === 'string') this.#judgeText(schema, value, field);
    else if (isList(value)) this.#judgeList(schema, value, field, depth);
    else if (isObject(value)) this.#judgeObject(schema, value, field, depth);
  }

  #judgeType({ type }: JsonObject, value: Json, field: string): void {
    const allowed = typeof type === 'string' ? [type] : namesIn(type);
    if (allowed.length > 0 && !allowed.some((name) => hasType(value, name))) this.#refuse(field, value, `is no ${allowed.join(' or ')}`, `give ${article(allowed[0] as string)}`);
  }

  #judgeChoices(schema: JsonObject, value: Json, field: string, depth: number): void {
    const text = canonicalJson(value);
    const choices = isList(schema['enum']) ? schema['enum'] : 'const' in schema ? [schema['const'] as Json] : undefined;
    if (choices !== undefined && !choices.some((choice) => canonicalJson(choice) === text)) {
      this.#refuse(field, value, 'is none of the allowed values', `use one of ${choices.slice(0, 20).map(canonicalJson).join(', ')}`);
    }
    for (const part of listIn(schema['allOf'])) this.judge(part, value, field, depth + 1);
    const passes = (part: Json): boolean => {
      const check = new SchemaCheck(this.#document, this.#matches);
      check.judge(part, value, field, depth + 1);
      return check.problems.length === 0;
    };
    const anyOf = listIn(schema['anyOf']);
    const oneOf = listIn(schema['oneOf']);
    if (anyOf.length > 0 && !anyOf.some(passes)) this.#refuse(field, value, `matches none of the ${anyOf.length} forms that are allowed`, 'give it in one of them');
    if (oneOf.length > 0 && oneOf.filter(passes).length !== 1) this.#refuse(field, value, `does not match one, and only one, of the ${oneOf.length} forms that are allowed`, 'give it in one of them');
    if (schema['not'] !== undefined && passes(schema['not'])) this.#refuse(field, value, 'has a form that is not allowed', 'give another');
  }

  #judgeNumber(schema: JsonObject, value: number, field: string): void {
    const bound = (name: string): number | undefined => (typeof schema[name] === 'number' ? schema[name] : undefined);
    const [least, most, above, below, step] = [bound('minimum'), bound('maximum'), bound('exclusiveMinimum'), bound('exclusiveMaximum'), bound('multipleOf')];
    if (least !== undefined && value < least) this.#refuse(field, value, `is less than ${least}`, `give at least ${least}`);
    if (most !== undefined && value > most) this.#refuse(field, value, `is more than ${most}`, `give at most ${most}`);
    if (above !== undefined && value <= above) this.#refuse(field, value, `is not more than ${above}`, `give more than ${above}`);
    if (below !== undefined && value >= below) this.#refuse(field, value, `is not less than ${below}`, `give less than ${below}`);
    if (step !== undefined && step > 0 && Math.abs(value / step - Math.round(value / step)) > 1e-9) this.#refuse(field, value, `is no multiple of ${step}`, `give a multiple of ${step}`);
  }

  #judgeText(schema: JsonObject, value: string, field: string): void {
    this.#judgeLength([...value].length, schema['minLength'], schema['maxLength'], 'characters', field, value);
    const { format, pattern } = schema;
    if (typeof pattern === 'string' && !this.#matches(pattern, value)) this.#refuse(field, value, `does not match the pattern ${pattern}`, typeof format === 'string' ? `give ${article(format)}` : 'give it in that form');
    if ((format === 'date' && !/^\d{4}-\d{2}-\d{2}$/.test(value)) || ((format === 'date' || format === 'date-time') && parseInstant(value) === undefined)) {
      this.#refuse(field, value, `is no ${format}`, format === 'date' ? 'write it as in 2026-01-05' : 'write it as in 2026-01-05T06:00:00Z');
    }
  }

  #judgeList(schema: JsonObject, value: readonly Json[], field: string, depth: number): void {
    this.#judgeLength(value.length, schema['minItems'], schema['maxItems'], 'items', field, value);
    if (schema['uniqueItems'] === true && new Set(value.map(canonicalJson)).size < value.length) this.#refuse(field, value, 'has an item twice', 'give each once');
    const first = listIn(schema['prefixItems']);
    value.forEach((item, index) => {
      const own = first[index] ?? schema['items'];
      if (own !== undefined) this.judge(own, item, `${field}[${index}]`, depth + 1);
    });
  }

  #judgeObject(schema: JsonObject, value: JsonObject, field: string, depth: number): void {
    for (const name of namesIn(schema['required'])) {
      if (!Object.hasOwn(value, name)) this.problems.push(problem(`${field}.${name}`, undefined, 'is missing', 'give it'));
    }
    const properties = isObject(schema['properties']) ? schema['properties'] : {};
    for (const [name, member] of Object.entries(value)) {
      const own = Object.hasOwn(properties, name) ? properties[name] : schema['additionalProperties'];
      if (own !== undefined) this.judge(own, member, `${field}.${name}`, depth + 1);
    }
  }

  #judgeLength(length: number, least: Json | undefined, most: Json | undefined, what: string, field: string, value: Json): void {
    if (typeof least === 'number' && length < least) this.#refuse(field, value, `has fewer than ${least} ${what}`, `give at least ${least}`);
    if (typeof most === 'number' && length > most) this.#refuse(field, value, `has more than ${most} ${what}`, `give at most ${most}`);
  }

  /** Only what lies in the document itself; anything else allows everything. */
  #resolve(reference: string): Json {
    if (!reference.startsWith('#')) return true;
    let found: Json | undefined = this.#document;
    for (const step of reference.slice(1).split('/').filter((part) => part !== '')) {
      const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
      found = isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined;
    }
    return found ?? true;
  }

  #refuse(field: string, value: Json, rule: string, remedy: string): void {
    this.problems.push(problem(field, value, rule, remedy));
  }
}

const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);
const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
const listIn = (value: Json | undefined): readonly Json[] => (isList(value) ? value : []);
const namesIn = (value: Json | undefined): string[] => listIn(value).filter((name) => typeof name === 'string');
const article = (type: string): string => (type === 'null' ? type : `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`);

function hasType(value: Json, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return isList(value);
    case 'object':
      return isObject(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}
