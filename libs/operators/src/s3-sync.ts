import { type Dirent, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { type OperatorContext, type OperatorExecutor, TaskFailure } from '@dagbook/sdk';
import { Fields } from './field.ts';
import { checkedKey, readBucket, withS3 } from './s3-client.ts';
import { deleteObjects, objectsBelow, say } from './s3.ts';
import { download, upload } from './s3-transfer.ts';

const AT_ONCE = 8;

interface Entry {
  readonly size: number;
  readonly modifiedMs: number;
}

/** Below the folder or the prefix, by name with `/` between its parts. */
type Side = ReadonlyMap<string, Entry>;

/**
 * Makes one side as the other. A name is copied when it is missing, of another size, or newer at the source; a file that
 * was fetched gets the object's time, so that the next sync finds it unchanged. S3 keeps whole seconds: a file written in
 * the second of its upload counts as newer, and is rather sent twice than missed.
 */
export const s3Sync: OperatorExecutor = async (given, context) => {
  const fields = new Fields('s3Sync', given);
  const bucket = readBucket(fields);
  const folder = resolve(fields.text('folder', 'a path'));
  const root = fields.has('prefix') ? checkedKey(fields, 'prefix', fields.text('prefix')) : '';
  const prefix = root === '' || root.endsWith('/') ? root : `${root}/`;
  const up = fields.oneOf('direction', ['up', 'down'], 'up') === 'up';
  const deletes = fields.flag('delete', false);
  if (up && statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) fields.refuse('folder', folder, 'a folder on this worker');
  return withS3(fields, context, `syncing ${folder} ${up ? 'to' : 'from'} s3://${bucket}/${prefix}`, async (client) => {
    const local = filesIn(folder);
    const remote = await objectsIn(client, { bucket, prefix, folder }, context);
    const [source, target] = up ? [local, remote] : [remote, local];
    const copied = [...source].filter(([name, entry]) => differs(entry, target.get(name)));
    const gone = deletes ? [...target.keys()].filter((name) => !source.has(name)) : [];
    if (up) for (const [name] of copied) checkedKey(fields, 'prefix', prefix + name);
    await eachOf(copied, async ([name, { modifiedMs }]) => {
      const file = join(folder, name);
      if (up) return void (await upload(client, { file }, { Bucket: bucket, Key: prefix + name }, context));
      await download(client, { Bucket: bucket, Key: prefix + name }, file, context);
      utimesSync(file, modifiedMs / 1000, modifiedMs / 1000);
    });
    if (up) await deleteObjects(client, bucket, gone.map((name) => prefix + name), context);
    else for (const name of gone) rmSync(join(folder, name), { force: true });
    const bytes = copied.reduce((sum, [, { size }]) => sum + size, 0);
    say(context, `copied ${copied.length} (${bytes} bytes), deleted ${gone.length}, ${source.size - copied.length} unchanged`);
    return { copied: copied.length, deleted: gone.length, unchanged: source.size - copied.length, bytes };
  });
};

const differs = (source: Entry, target: Entry | undefined): boolean => target === undefined || target.size !== source.size || target.modifiedMs < source.modifiedMs;

/** Files only: a link may lead anywhere, and is left alone. */
function filesIn(folder: string): Side {
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return new Map();
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry: Dirent) => entry.isFile());
  return new Map(files.map((entry) => {
    const path = join(entry.parentPath, entry.name);
    const { size, mtimeMs } = statSync(path);
    return [relative(folder, path).split(sep).join('/'), { size, modifiedMs: Math.floor(mtimeMs) }] as const;
  }));
}

async function objectsIn(client: S3Client, { bucket, prefix, folder }: { bucket: string; prefix: string; folder: string }, context: OperatorContext): Promise<Side> {
  const side = new Map<string, Entry>();
  for (const { Key = '', Size = 0, LastModified } of await objectsBelow(client, { bucket, prefix, max: Infinity }, context)) {
    // A key that ends with / stands for an empty folder.
    if (Key.endsWith('/')) continue;
    const name = Key.slice(prefix.length);
    requireInside(folder, name, Key);
    side.set(name, { size: Size, modifiedMs: LastModified?.getTime() ?? 0 });
  }
  return side;
}

/** A key may hold anything, `..` too; a name that would be written outside of the folder ends the sync before it begins. */
export function requireInside(folder: string, name: string, key: string): void {
  const path = resolve(folder, name);
  const plain = !name.includes('\0') && name.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
  if (plain && path.startsWith(folder.endsWith(sep) ? folder : folder + sep)) return;
  throw new TaskFailure('bad_input', `the key ${JSON.stringify(key)} cannot be a file below ${folder}: its parts must be names, and not empty, '.' or '..'`, { retry: false });
}

async function eachOf<T>(items: readonly T[], use: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (const item of rest) await use(item);
  }));
}
