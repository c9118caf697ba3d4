import type { StandardSchemaV1 } from '@standard-schema/spec';
import { declareOperator } from '../operator.ts';
import type { In, InJson, Operator } from '../types.ts';

/** Scalars reach a command as text. */
type EnvironmentValue = string | number | boolean | null;

interface CommandOptions {
  /** Beside these the command finds `DAGBOOK_DS`, `DAGBOOK_TS`, `DAGBOOK_RUN_ID`, `DAGBOOK_PARAM_<NAME>` … */
  env?: Record<string, In<EnvironmentValue>>;
  cwd?: In<string>;
  /** Exit codes that mean skipped. Default 99; null: none. */
  skipOnExitCode?: number | readonly number[] | null;
}

export interface BashOptions<O> extends CommandOptions {
  /** Run by `bash -c`. Results and params reach it through `env`, never as code. */
  command: In<string>;
  /** The last line on stdout as JSON, checked. Without it that line, as text, is the result. */
  output?: StandardSchemaV1<unknown, O>;
}

/** A shell command. Its last line on stdout is the result; a non-zero exit fails the try. */
export function bash<O = string>(o: BashOptions<O>): Operator<{}, O> {
  return declareOperator<O>('bash', { ...o });
}

/** What runs: a file or module on the worker, or code packed with the DAG (`import code from './clean.py'`). */
type PythonSource = { file: In<string> } | { module: In<string> } | { code: In<string> };

export type PythonOptions<O> = CommandOptions & PythonSource & {
  /** A function of it, by name. Without one the whole runs as a script and answers by `dagbook.result(value)`. */
  callable?: string;
  /** An object becomes keyword arguments, anything else the one argument; a script reads `dagbook.input`. */
  input?: InJson;
  /** Folders in which modules are looked for, before Python's own. */
  path?: In<string> | readonly In<string>[];
  /** Lines of a requirements.txt: the task gets a virtual environment with them, kept on the worker by their hash. */
  requirements?: string | readonly string[];
  /** The interpreter. Default `python3`. */
  python?: string;
  output?: StandardSchemaV1<unknown, O>;
};

/** Python code. Its value, as JSON, is the result; an exception fails the try, `dagbook.SkipTask` skips it. */
export function python<O = unknown>(o: PythonOptions<O>): Operator<{}, O> {
  return declareOperator<O>('python', { ...o });
}

export interface AwsOptions<O> extends CommandOptions {
  /** Arguments after `aws`: `['s3', 'ls', 's3://lake']`. No shell reads them. */
  args: readonly In<string>[];
  /** An AWS connection; its credentials, region and endpoint reach the CLI through the environment. */
  connection?: string;
  output?: StandardSchemaV1<unknown, O>;
}

/** The AWS CLI of the worker. What it writes to stdout is the result, as JSON when it is JSON. */
export function aws<O = unknown>(o: AwsOptions<O>): Operator<{}, O> {
  return declareOperator<O>('aws', { ...o });
}
