import type { Readable } from 'node:stream';

/** Bytes under keys, on disk or on S3. A key is names joined by `/`; what is under a key is whole or not there. */
export interface ObjectStore {
  /** Where it is, for people: `file:///var/lib/dagbook/xcom`, `s3://bucket/prefix`. No secret is in it. */
  readonly place: string;
  /** Keeps what the body gives, in place of what was there. When it resolves, the object survives a power cut. A body that throws leaves nothing. */
  put(key: string, body: AsyncIterable<Uint8Array>, contentType: string): Promise<void>;
  /** null: there is none. `range` is `[from, to)` and must lie within the object. The body must be read or destroyed. */
  get(key: string, range?: { readonly from: number; readonly to: number }): Promise<StoredObject | null>;
  /** Bytes of the object; null: there is none. */
  size(key: string): Promise<number | null>;
  /** Every object below the folder `prefix` (all for ''), in no order. */
  list(prefix: string): AsyncIterable<ObjectEntry>;
  /** Removes every object below the folder `prefix`. Repeated, it removes nothing more. */
  eraseBelow(prefix: string): Promise<void>;
  close(): void;
}

export interface ObjectEntry {
  readonly key: string;
  readonly bytes: number;
}

export interface StoredObject {
  /** Of the body, which is a part when a range was asked for. */
  readonly bytes: number;
  readonly body: Readable;
}

/** The place of the objects failed. `code` is stable; nothing branches on the message. */
export class ObjectStoreFault extends Error {
  readonly code: 'object_store.setting' | 'object_store.refused' | 'object_store.unavailable';
  readonly retryable: boolean;
  constructor(code: ObjectStoreFault['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ObjectStoreFault';
    this.code = code;
    this.retryable = code === 'object_store.unavailable';
  }
}

/** The names of a key, such that each can be a folder. `.` and `..` are ids by Airflow's rule and no names; `%` stands in no id. */
export function namesOf(key: string): string[] {
  const names = key.split('/');
  if (names.some((name) => name === '' || name.includes('\0'))) throw new ObjectStoreFault('object_store.refused', `${JSON.stringify(key)} is no key of an object: its names must not be empty`);
  return names.map((name) => (/^\.+$/.test(name) ? name.replaceAll('.', '%2E') : name));
}

/** The inverse of `namesOf`. */
export const keyOf = (names: readonly string[]): string => names.map((name) => (/^(%2E)+$/.test(name) ? name.replaceAll('%2E', '.') : name)).join('/');
