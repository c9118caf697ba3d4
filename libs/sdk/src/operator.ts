import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { In, Operator } from './types.ts';

/**
 * An operator as a DAG declares it: a kind and its fields. What executes a kind is given to the runner by the process
 * around it, so that a DAG file carries no driver.
 */
export interface DeclaredOperator {
  readonly kind: string;
  readonly fields: { readonly [name: string]: unknown };
  readonly output?: StandardSchemaV1;
}

const OPERATOR = Symbol('operator');

class OperatorValue<O> implements Operator<{}, O> {
  readonly kind: string;
  readonly [OPERATOR]: DeclaredOperator;
  constructor(declared: DeclaredOperator) {
    this.kind = declared.kind;
    this[OPERATOR] = declared;
  }
}

export const operatorOf = (value: unknown): DeclaredOperator | undefined => (value instanceof OperatorValue ? value[OPERATOR] : undefined);

function declare<O>(kind: string, { output, ...fields }: { readonly output?: StandardSchemaV1<unknown, O> | undefined; readonly [name: string]: unknown }): Operator<{}, O> {
  return new OperatorValue<O>({ kind, fields, ...(output === undefined ? {} : { output }) });
}

/** Scalars reach a command as text. */
type EnvironmentValue = string | number | boolean | null;

export interface BashOptions<O> {
  /** Run by `bash -c`. Results and params reach it through `env`, never as code. */
  command: In<string>;
  /** Beside these the command finds `DAGBOOK_DS`, `DAGBOOK_TS`, `DAGBOOK_RUN_ID`, `DAGBOOK_PARAM_<NAME>` … */
  env?: Record<string, In<EnvironmentValue>>;
  cwd?: In<string>;
  /** Exit codes that mean skipped. Default 99; null: none. */
  skipOnExitCode?: number | readonly number[] | null;
  /** The last line on stdout as JSON, checked. Without it that line, as text, is the result. */
  output?: StandardSchemaV1<unknown, O>;
}

/** A shell command. Its last line on stdout is the result; a non-zero exit fails the try. */
export function bash<O = string>(o: BashOptions<O>): Operator<{}, O> {
  return declare<O>('bash', { ...o });
}

export interface DockerOptions<O> {
  image: string;
  command?: In<string> | readonly In<string>[];
  env?: Record<string, In<string | number>>;
  mounts?: readonly { source: string; target: string; readOnly?: boolean }[];
  memory?: `${number}${'m' | 'g'}`;
  cpus?: number;
  network?: string;
  pull?: 'missing' | 'always' | 'never';
  output?: StandardSchemaV1<unknown, O>;
  connection?: string;
}

/** A container on the worker's engine. Typed now; run, it fails with `not_supported` until the release that brings it. */
export function docker<O = string>(o: DockerOptions<O>): Operator<{}, O> {
  return declare<O>('docker', { ...o });
}

/** Waits for an object in S3. Typed now; run, it fails with `not_supported` until the release that brings it. */
export function s3Key(o: { bucket: In<string>; key: In<string>; wildcard?: boolean; connection?: string }): Operator<{}, { key: string; size: number }> {
  return declare('s3Key', { ...o });
}
