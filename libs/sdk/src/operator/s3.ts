import { declareOperator, declareSensor } from '../operator.ts';
import type { In, InJson, Operator, SensorOperator } from '../types.ts';

interface S3Options {
  /** An AWS connection: login and password are the key, extra holds `region_name` and `endpoint_url`. Default: what the worker's environment gives. */
  connection?: string;
}

export interface S3Object {
  bucket: string;
  key: string;
  size: number;
  etag: string;
}

/** What is put: a file on the worker, or a value (a text as it is, anything else as JSON). */
type S3Content = { file: In<string> } | { content: InJson };

/** Writes one object, in parts when it is large, with its progress in the log. */
export function s3Put(o: S3Options & S3Content & { bucket: In<string>; key: In<string>; contentType?: string; /** Fail when the key exists. */ ifAbsent?: boolean }): Operator<{}, S3Object> {
  return declareOperator<S3Object>('s3Put', { ...o });
}

/** Fetches one object: into a file on the worker (complete or not there at all), or, `as`, as the result. */
export function s3Get(o: S3Options & { bucket: In<string>; key: In<string>; file: In<string> }): Operator<{}, S3Object & { file: string }>;
export function s3Get(o: S3Options & { bucket: In<string>; key: In<string>; as: 'text' }): Operator<{}, string>;
export function s3Get<O = unknown>(o: S3Options & { bucket: In<string>; key: In<string>; as: 'json' }): Operator<{}, O>;
export function s3Get(o: object): Operator<{}, never> {
  return declareOperator<never>('s3Get', { ...o });
}

export function s3Copy(o: S3Options & { bucket: In<string>; key: In<string>; toBucket?: In<string>; toKey: In<string> }): Operator<{}, S3Object> {
  return declareOperator<S3Object>('s3Copy', { ...o });
}

/** Deletes keys, or all below a prefix that is not empty. A key that is not there is no failure. */
export function s3Delete(o: S3Options & { bucket: In<string> } & ({ keys: In<string> | In<readonly string[]> } | { prefix: In<string> })): Operator<{}, { deleted: number }> {
  return declareOperator<{ deleted: number }>('s3Delete', { ...o });
}

/** The objects below a prefix, in order of key. More than `max` (default 10,000) fail the task. */
export function s3List(o: S3Options & { bucket: In<string>; prefix?: In<string>; max?: number }): Operator<{}, { key: string; size: number; modified: string }[]> {
  return declareOperator('s3List', { ...o });
}

export interface S3SyncOptions extends S3Options {
  /** A folder on the worker. */
  folder: In<string>;
  bucket: In<string>;
  prefix?: In<string>;
  direction: 'up' | 'down';
  /** Remove at the target what the source has not. */
  delete?: boolean;
}

/** Makes one side as the other: what differs in size or is newer at the source is copied. */
export function s3Sync(o: S3SyncOptions): Operator<{}, { copied: number; deleted: number; unchanged: number; bytes: number }> {
  return declareOperator('s3Sync', { ...o });
}

/** Waits for an object. With `wildcard`, `*` and `?` in the key match, and the first in order of key is the result. */
export function s3Key(o: S3Options & { bucket: In<string>; key: In<string>; wildcard?: boolean }): SensorOperator<{}, { key: string; size: number }> {
  return declareSensor('s3Key', { ...o });
}

/** Waits until something is below a prefix. */
export function s3Prefix(o: S3Options & { bucket: In<string>; prefix: In<string>; /** Default 1. */ atLeast?: number }): SensorOperator<{}, { keys: string[] }> {
  return declareSensor('s3Prefix', { ...o });
}
