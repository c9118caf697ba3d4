import type { ParamsDefinition } from '@dagbook/domain';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { definitionError } from '../error.ts';
import { defaultsIn, jsonSchemaOf } from '../json-schema.ts';
import { declareGate, declareOperator } from '../operator.ts';
import { callSite } from '../site.ts';
import type { Duration, In, NoParams, Operator } from '../types.ts';

/** What every task that asks people says; while it waits it takes no worker's slot. */
export interface HumanOptions {
  /** The question, at most 500 characters. */
  subject: In<string>;
  /** Markdown below it, at most 16,000 characters. */
  body?: In<string>;
  /** User names; whoever else answers is refused. Default: whoever may change runs. */
  assignedUsers?: readonly string[];
  /** Without an answer by then the defaults are taken, or the try fails. Default: it waits for ever. */
  responseTimeout?: Duration;
}

/** What was answered, with Airflow's names. */
export interface HumanResult<K extends string = string, P = { readonly [name: string]: unknown }> {
  readonly chosen_options: K[];
  readonly params_input: P;
  /** ISO-8601. */
  readonly responded_at: string;
  /** null: nobody did in time, and the defaults were taken. */
  readonly responded_by_user: { readonly id: string; readonly name: string } | null;
}

export type Approval = 'Approve' | 'Reject';

/** Asks people to approve. `Reject` skips everything downstream, or, with `failOnReject`, fails the task for good. */
export function approval(o: HumanOptions & { defaults?: Approval; failOnReject?: boolean }): Operator<{}, HumanResult<Approval, {}>> {
  const { defaults, ...rest } = o;
  const asked = { ...rest, ...offered('approval', ['Approve', 'Reject'], defaults === undefined ? undefined : [defaults], false) };
  return declareGate<HumanResult<Approval, {}>>('approval', asked, ({ chosen_options: [chosen] }) => chosen === 'Approve');
}

/** Asks people to choose one of `options`, or, with `multiple`, some. To branch: `d.branch(chosen.get('chosen_options'), { … })`. */
export function choose<const K extends string, S extends StandardSchemaV1 = NoParams>(
  o: HumanOptions & { options: readonly K[]; defaults?: NoInfer<K> | readonly NoInfer<K>[]; multiple?: boolean; /** A form beside the options. */ params?: S },
): Operator<{}, HumanResult<K, StandardSchemaV1.InferOutput<S>>> {
  const { options, defaults, multiple = false, params, ...rest } = o;
  const taken = defaults === undefined ? undefined : typeof defaults === 'string' ? [defaults] : (defaults as readonly string[]);
  return declareOperator('choose', { ...rest, ...offered('choose', options, taken, multiple), ...(params === undefined ? {} : { params: formOf('choose', params) }) });
}

/** Asks people to fill a form, described by a schema that can say itself in JSON Schema. `useDefaults`: its defaults are taken when nobody answers in time. */
export function form<S extends StandardSchemaV1>(o: HumanOptions & { params: S; useDefaults?: boolean }): Operator<{}, HumanResult<'OK', StandardSchemaV1.InferOutput<S>>> {
  const { params, useDefaults = false, ...rest } = o;
  return declareOperator('form', { ...rest, ...offered('form', ['OK'], useDefaults ? ['OK'] : undefined, false), params: formOf('form', params) });
}

function offered(operator: string, options: readonly string[], defaults: readonly string[] | undefined, multiple: boolean) {
  const refuse = (field: string, value: unknown, rule: string, remedy: string): never => {
    throw definitionError({ field: `${field} of ${operator}()`, value, rule, remedy }, callSite());
  };
  if (options.length === 0 || options.length > 100 || new Set(options).size !== options.length || options.some((option) => typeof option !== 'string' || option === '' || option.length > 250)) {
    refuse('options', options, 'there are 1 to 100 different options of 1 to 250 characters', 'Name each thing to choose once');
  }
  if (defaults !== undefined && (defaults.length === 0 || defaults.some((option) => !options.includes(option)) || (defaults.length > 1 && !multiple))) {
    refuse('defaults', defaults, `the defaults are ${multiple ? 'some' : 'one'} of the options`, `Choose from ${options.join(', ')}`);
  }
  return { options, ...(defaults === undefined ? {} : { defaults }), ...(multiple ? { multiple } : {}) };
}

function formOf(operator: string, params: StandardSchemaV1): ParamsDefinition {
  const schema = jsonSchemaOf(params);
  if (schema === undefined) {
    throw definitionError({ field: `params of ${operator}()`, value: params['~standard'].vendor, rule: 'a form is drawn from JSON Schema, which this schema cannot say', remedy: 'Use a library that can, such as zod, and types that JSON has' }, callSite());
  }
  const defaults = JSON.parse(JSON.stringify(defaultsIn(schema))) as ParamsDefinition['defaults'];
  return { schema, defaults };
}
