import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { PackedFiles } from '@dagbook/contracts';
import type { DagDefinition } from '@dagbook/domain';
import { megabytes } from './bundler.ts';

/**
 * What goes along with a DAG besides its code. A list of what may, not of what may not: a folder of credentials or an
 * `.env` beside the DAGs must never reach the database or a worker.
 */
const SHIPPED = new Set(['.py', '.pyi', '.sql', '.sh', '.bash', '.j2', '.jinja', '.jinja2', '.html', '.csv', '.txt', '.whl', '.tgz']);
const SHIPPED_BY_NAME = new Set(['package.json', 'package-lock.json']);
const PASSED_OVER = new Set(['node_modules', '__pycache__', 'venv']);
const LIMIT_BYTES = 20 * 1024 * 1024;

/** Kinds of task that may read a file of the bundle: code in Python, commands, and templates that name one. */
const READERS = new Set(['bash', 'python', 'sql', 'sqlCheck', 'sqlSensor', 'aws', 'docker', 'dockerExec', 'http', 'email', 's3Put']);

export const readsFiles = ({ tasks }: DagDefinition): boolean => tasks.some(({ operator }) => READERS.has(operator));

export type FoundFiles =
  | { readonly kind: 'files'; readonly packed: PackedFiles | undefined; readonly watched: readonly string[] }
  | { readonly kind: 'too_large'; readonly message: string; readonly watched: readonly string[] };

/**
 * The files beside the DAGs that go along with them, as they are now; `watched` are the files and the folders that were
 * looked through. The same content gives the same hash. Links are not followed: what they lead to may lie outside.
 */
export function findFiles(folder: string, ignore: readonly string[] = []): FoundFiles {
  const files: { readonly path: string; readonly bytes: number }[] = [];
  const watched: string[] = [];
  const folders = [''];
  for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
    watched.push(join(folder, at));
    for (const entry of readdirSync(join(folder, at), { withFileTypes: true })) {
      const path = at === '' ? entry.name : `${at}/${entry.name}`;
      if (entry.name.startsWith('.') || PASSED_OVER.has(entry.name) || ignore.includes(path)) continue;
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile() && isShipped(entry.name)) files.push({ path, bytes: statSync(join(folder, path)).size });
    }
  }
  watched.push(...files.map(({ path }) => join(folder, path)));
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes > LIMIT_BYTES) {
    const [largest] = files.toSorted((a, b) => b.bytes - a.bytes);
    return {
      kind: 'too_large', watched,
      message: `The files beside the DAGs have ${megabytes(bytes)}, the largest is ${largest?.path}; at most ${megabytes(LIMIT_BYTES)} go along with a DAG. Keep data out of the folder and read it inside a task.`,
    };
  }
  return { kind: 'files', packed: files.length === 0 ? undefined : pack(folder, files.map(({ path }) => path).sort()), watched };
}

const isShipped = (name: string): boolean => SHIPPED.has(extname(name).toLowerCase()) || SHIPPED_BY_NAME.has(name);

function pack(folder: string, paths: readonly string[]): PackedFiles {
  const hash = createHash('sha256');
  const files = paths.map((path) => {
    const content = readFileSync(join(folder, path));
    hash.update(path).update('\0').update(String(content.length)).update('\0').update(content);
    return { path, base64: content.toString('base64') };
  });
  return { hash: hash.digest('hex'), files };
}
