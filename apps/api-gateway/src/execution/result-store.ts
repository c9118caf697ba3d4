import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { attemptId, type AttemptKey, isResultKeyOfRun, LARGE_RESULT_BYTES, type LargeResult, largeResultHash, largeResultKey, type LogEraser, MAX_RESULT_BYTES } from '@dagbook/contracts';
import type { Json } from '@dagbook/domain';
import type { EventStore } from '@dagbook/event-store';
import type { ObjectStore, StoredObject } from '@dagbook/object-store';
import { ApiError, notFound } from '../error/api-error.ts';

/** What Postgres keeps of one result where the site has no place for larger ones. */
const MAX_ROW_BYTES = 16 * 1024 * 1024;

export interface StoredResult {
  readonly key: string;
  readonly bytes: number;
}

/**
 * What tasks returned and events only refer to: up to 256 KB in Postgres, more as objects. An object's key holds its attempt, so that
 * a run's results are erased with it and belong to nobody else, and its hash, so that every reader can tell that it has the whole.
 */
export class ResultStore implements LogEraser {
  readonly #store: EventStore;
  readonly #objects: ObjectStore | null;

  /** Without a place for objects Postgres keeps results of up to 16 MB. */
  constructor(store: EventStore, objects: ObjectStore | null) {
    this.#store = store;
    this.#objects = objects;
  }

  /** One result an execution: a repeated call stores nothing new and answers the same key. */
  async put(attemptId: string, epoch: number, value: Json): Promise<StoredResult> {
    return this.#putRow(attemptId, epoch, new TextEncoder().encode(JSON.stringify(value)));
  }

  async putLarge(attemptId: string, epoch: number, result: LargeResult): Promise<StoredResult> {
    const most = this.#objects === null ? MAX_ROW_BYTES : MAX_RESULT_BYTES;
    if (result.bytes > most) throw tooLarge(result.bytes, most, this.#objects === null);
    const body = whole(result);
    if (this.#objects === null) return this.#putRow(attemptId, epoch, await buffer(body));
    const key = largeResultKey(attemptId, epoch, result.sha256);
    await this.#objects.put(placeOf(key), body, 'application/json');
    return { key, bytes: result.bytes };
  }

  /** A person's value, kept by its hash below its task instance: what it was before can be read as long as the run. */
  async putByHand(of: Omit<AttemptKey, 'tryNumber'>, value: Json): Promise<StoredResult> {
    const content = new TextEncoder().encode(JSON.stringify(value));
    const key = `${attemptId({ ...of, tryNumber: 0 })}/${createHash('sha256').update(content).digest('hex')}`;
    await this.#store.putContent('xcom', key, content);
    return { key, bytes: content.byteLength };
  }

  /** The value of a result of this run; undefined: it is not kept (any more), or another run's. */
  async value({ dagId, runId }: { readonly dagId: string; readonly runId: string }, key: string): Promise<Json | undefined> {
    if (!isResultKeyOfRun(key, dagId, runId)) return undefined;
    const content = largeResultHash(key) === undefined ? await this.#store.getContent('xcom', key) : await this.#object(key);
    return content === null ? undefined : (JSON.parse(new TextDecoder().decode(content)) as Json);
  }

  /** Of a large result. Its reader checks the hash. */
  async open(key: string): Promise<StoredObject> {
    const object = await this.#objects?.get(placeOf(key));
    if (object === null || object === undefined) throw notFound(`There is no result under ${key}`);
    return object;
  }

  /** What lies outside of the journal; rows go with it. */
  async eraseRun({ dagId, runId }: { readonly dagId: string; readonly runId: string }): Promise<void> {
    await this.#objects?.eraseBelow(`${dagId}/${runId}`);
  }

  async #object(key: string): Promise<Uint8Array | null> {
    const object = await this.#objects?.get(placeOf(key));
    if (object === null || object === undefined) return null;
    const content = await buffer(object.body);
    if (createHash('sha256').update(content).digest('hex') !== largeResultHash(key)) throw new ApiError(502, `What is kept under ${key} is not what was stored there: the place of large results is damaged`);
    return content;
  }

  async #putRow(attemptId: string, epoch: number, content: Uint8Array): Promise<StoredResult> {
    if (content.byteLength > MAX_ROW_BYTES) throw tooLarge(content.byteLength, MAX_ROW_BYTES, this.#objects === null);
    const key = `${attemptId}/${epoch}`;
    await this.#store.putContent('xcom', key, content);
    return { key, bytes: content.byteLength };
  }
}

const placeOf = (key: string): string => key.slice(key.indexOf('/') + 1);

function tooLarge(bytes: number, most: number, couldBeMore: boolean): ApiError {
  const remedy = couldBeMore && bytes <= MAX_RESULT_BYTES ? `give the site a place for results of over ${LARGE_RESULT_BYTES / 1024} KB (DAGBOOK_XCOM_STORE), or write it to storage and return where it lies` : 'write it to storage and return where it lies';
  return new ApiError(413, `The result is ${bytes} bytes, but at most ${most} are kept: ${remedy}`);
}

/** Its bytes, refused when they turn out not to be what was announced. */
async function* whole({ bytes, sha256, open }: LargeResult): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let left = bytes;
  for await (const chunk of open()) {
    left -= chunk.byteLength;
    if (left < 0) break;
    hash.update(chunk);
    yield chunk;
  }
  if (left !== 0 || hash.digest('hex') !== sha256) throw new ApiError(503, 'The result did not arrive as it was sent');
}
