import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { DiskObjectStore } from './disk-object-store.ts';
import { describeObjectStore } from './object-store.harness.ts';

const folders: string[] = [];
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'dagbook-objects-'));
  folders.push(made);
  return made;
};
afterEach(() => folders.splice(0).forEach((path) => rmSync(path, { recursive: true, force: true })));

describe('objects on disk', () => {
  describeObjectStore(async () => new DiskObjectStore(join(folder(), 'made/here')));

  test('nothing unfinished stays, nothing leaves the folder, and no link is followed', async () => {
    const root = folder();
    const store = new DiskObjectStore(join(root, 'objects'));
    await store.put('..', (async function* () { yield Buffer.from('x'); })());
    expect([readdirSync(root), readdirSync(join(root, 'objects'))]).toEqual([['objects'], ['%2E%2E']]);
    writeFileSync(join(root, 'secret'), 's');
    symlinkSync(join(root, 'secret'), join(root, 'objects', 'link'));
    await expect(store.get('link')).rejects.toMatchObject({ code: 'object_store.unavailable' });
    expect(existsSync(join(root, 'secret'))).toBe(true);
  });
});
