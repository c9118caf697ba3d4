import { buffer, text } from 'node:stream/consumers';
import { beforeEach, expect, test } from 'vitest';
import type { ObjectEntry, ObjectStore } from './port.ts';

async function* chunks(...parts: readonly (string | Uint8Array)[]): AsyncIterable<Uint8Array> {
  for (const part of parts) yield typeof part === 'string' ? Buffer.from(part) : part;
}
async function* broken(): AsyncIterable<Uint8Array> {
  yield Buffer.from('half');
  throw new Error('the sender went away');
}
const listed = async (objects: AsyncIterable<ObjectEntry>): Promise<ObjectEntry[]> => {
  const found: ObjectEntry[] = [];
  for await (const object of objects) found.push(object);
  return found.sort((a, b) => (a.key < b.key ? -1 : 1));
};

/** What every place of objects keeps to. `fresh` answers a new, empty one. */
export function describeObjectStore(fresh: () => Promise<ObjectStore>): void {
  let store: ObjectStore;
  beforeEach(async () => {
    store = await fresh();
  });
  const read = async (key: string, range?: { from: number; to: number }): Promise<string | null> => {
    const object = await store.get(key, range);
    return object === null ? null : text(object.body);
  };

  test('an object is read as it was written, whole or in part, and replaced whole', async () => {
    await store.put('dag/run/task/a', chunks('first ', 'second'), 'text/plain');
    expect([await read('dag/run/task/a'), await store.size('dag/run/task/a')]).toEqual(['first second', 12]);
    expect([await read('dag/run/task/a', { from: 6, to: 12 }), await read('dag/run/task/a', { from: 3, to: 3 })]).toEqual(['second', '']);
    await store.put('dag/run/task/a', chunks('new'), 'text/plain');
    expect([await read('dag/run/task/a'), await store.size('dag/run/task/a')]).toEqual(['new', 3]);
  });

  test('an empty object is one, and what is not there is null', async () => {
    await store.put('empty', chunks(), 'text/plain');
    expect([await read('empty'), await store.size('empty'), await read('other'), await store.size('other'), await read('empty/below')]).toEqual(['', 0, null, null, null]);
  });

  test('20 MB, more than one part', async () => {
    const mega = Buffer.alloc(1024 * 1024, 7);
    await store.put('large', chunks(...Array.from({ length: 20 }, () => mega), 'end'), 'application/octet-stream');
    const tail = await store.get('large', { from: 20 * 1024 * 1024 - 1, to: 20 * 1024 * 1024 + 3 });
    expect([await store.size('large'), await buffer(tail!.body)]).toEqual([20 * 1024 * 1024 + 3, Buffer.from([7, ...Buffer.from('end')])]);
  });

  test('a body that breaks leaves what was there, and says its own error', async () => {
    await store.put('a/b', chunks('old'), 'text/plain');
    await expect(store.put('a/b', broken(), 'text/plain')).rejects.toThrow('the sender went away');
    await expect(store.put('a/c', broken(), 'text/plain')).rejects.toThrow('the sender went away');
    expect([await read('a/b'), await listed(store.list('a'))]).toEqual(['old', [{ key: 'a/b', bytes: 3 }]]);
  });

  test('a folder is listed and erased with all below it, and nothing beside it', async () => {
    for (const key of ['etl/run+1:00/x', 'etl/run+1:00/y/z', 'etl/run+1:00-more/x', 'other/x']) await store.put(key, chunks('1'), 'text/plain');
    expect((await listed(store.list('etl/run+1:00'))).map(({ key }) => key)).toEqual(['etl/run+1:00/x', 'etl/run+1:00/y/z']);
    await store.eraseBelow('etl/run+1:00');
    await store.eraseBelow('etl/run+1:00');
    expect((await listed(store.list(''))).map(({ key }) => key)).toEqual(['etl/run+1:00-more/x', 'other/x']);
  });

  test('names that lead elsewhere are names like others', async () => {
    for (const key of ['../a', 'etl/../../a', './a', '.../a']) await store.put(key, chunks(key), 'text/plain');
    expect(await Promise.all(['../a', 'etl/../../a', './a', '.../a'].map((key) => read(key)))).toEqual(['../a', 'etl/../../a', './a', '.../a']);
    expect((await listed(store.list(''))).map(({ key }) => key)).toEqual(['.../a', '../a', './a', 'etl/../../a']);
    for (const key of ['', '/a', 'a//b', 'a/']) await expect(store.put(key, chunks('x'), 'text/plain')).rejects.toMatchObject({ code: 'object_store.refused' });
  });
}
