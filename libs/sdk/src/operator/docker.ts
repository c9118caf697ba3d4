import type { StandardSchemaV1 } from '@standard-schema/spec';
import { declareOperator } from '../operator.ts';
import type { Duration, In, Operator } from '../types.ts';

interface EngineOptions {
  /** A connection that names the engine (`unix://…`, `tcp://…`, with TLS). Default: `DOCKER_HOST`, or the host's own socket. */
  connection?: string;
}

export interface DockerOptions<O> extends EngineOptions {
  image: In<string>;
  /** A list is passed as it is; a text is run by `/bin/sh -c`. Default: the image's own. */
  command?: In<string> | readonly In<string>[];
  entrypoint?: readonly In<string>[];
  /** Beside these the container finds `DAGBOOK_DS`, `DAGBOOK_TS`, `DAGBOOK_RUN_ID`, `DAGBOOK_PARAM_<NAME>` … */
  env?: Record<string, In<string | number | boolean | null>>;
  mounts?: readonly { source: In<string>; target: string; readOnly?: boolean }[];
  workingDir?: string;
  /** `uid`, `uid:gid` or a name that the image knows. */
  user?: string;
  memory?: `${number}${'m' | 'g'}`;
  cpus?: number;
  network?: string;
  labels?: Record<string, In<string>>;
  /** Default `missing`. */
  pull?: 'missing' | 'always' | 'never';
  /** A connection with login and password of the image's registry; one of type `aws` asks ECR for a fresh token. */
  registry?: string;
  /** Between TERM and KILL when the task is cancelled or its time is up. Default `5s`. */
  stopAfter?: Duration;
  skipOnExitCode?: number | readonly number[] | null;
  /** The last line on stdout as JSON, checked. Without it that line, as text, is the result. */
  output?: StandardSchemaV1<unknown, O>;
}

/** A container on the worker's engine, removed when it has ended. Its last line on stdout is the result. */
export function docker<O = string>(o: DockerOptions<O>): Operator<{}, O> {
  return declareOperator<O>('docker', { ...o });
}

export type DockerExecOptions<O> = EngineOptions & ({ container: In<string> } | { label: In<string> }) & {
  /** A list is passed as it is; a text is run by `/bin/sh -c`. */
  command: In<string> | readonly In<string>[];
  env?: Record<string, In<string | number | boolean | null>>;
  workingDir?: string;
  user?: string;
  skipOnExitCode?: number | readonly number[] | null;
  output?: StandardSchemaV1<unknown, O>;
};

/** A command inside a container that runs already, found by name or by a label (`role=etl`) that only it has. */
export function dockerExec<O = string>(o: DockerExecOptions<O>): Operator<{}, O> {
  return declareOperator<O>('dockerExec', { ...o });
}

export interface DockerCleanOptions extends EngineOptions {
  /** Remove stopped containers. Default true. */
  containers?: boolean;
  /** Remove images without a name that nothing uses. Default false. */
  images?: boolean;
  /** Only what has all of these labels: `team=data`, or `team`. */
  labels?: In<string> | readonly In<string>[];
  /** Only what ended, or was made, longer ago. Default `1d`. */
  olderThan?: Duration;
  /** Say what would be removed, and remove nothing. */
  dryRun?: boolean;
}

export interface DockerCleaned {
  containers: string[];
  images: string[];
  /** Of the images removed. */
  freedBytes: number;
}

/** Removes stopped containers and dangling images. */
export function dockerClean(o: DockerCleanOptions = {}): Operator<{}, DockerCleaned> {
  return declareOperator<DockerCleaned>('dockerClean', { ...o });
}
