import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { ImportError } from '@dagbook/domain';
import { megabytes } from './bundler.ts';

const DAG_FILE = /\.(?:ts|mts|js|mjs)$/;
/** Wildcards and queries to the bundler, or no part of a line. */
const STRANGE_NAME = /[*?#"<>|\\\p{Cc}]/u;
const NOT_A_DAG_FILE = /\.(?:d|spec|test)\.m?[tj]s$/;

/**
 * Candidates for DAG files below the folder, relative, sorted. Folders whose name begins with a dot, and node_modules,
 * are passed over, as are those in `ignore`; links are listed and judged when they are read.
 */
export function listFiles(folder: string, ignore: readonly string[] = []): string[] {
  const found: string[] = [];
  const folders = [''];
  for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
    // A DAG folder that is away must not look like one whose DAGs were all deleted, so the top is allowed to throw.
    for (const entry of at === '' ? readdirSync(folder, { withFileTypes: true }) : entriesOf(join(folder, at))) {
      const path = at === '' ? entry.name : `${at}/${entry.name}`;
      if (entry.name.startsWith('.') || entry.name === 'node_modules' || ignore.includes(path)) continue;
      if (entry.isDirectory()) folders.push(path);
      else if (DAG_FILE.test(entry.name) && !NOT_A_DAG_FILE.test(entry.name)) found.push(path);
    }
  }
  return found.sort();
}

function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    // It went away between being listed and being looked into.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ENOTDIR') return [];
    throw error;
  }
}

/** File times lag by a tick of the kernel's clock. */
const TICK_MS = 10;

/**
 * What was known of files when a scan began, or first asked. A signature is whatever a write changes; null: there is no
 * such file.
 */
export class Signatures {
  readonly #known = new Map<string, string | null>();
  readonly #beganAtMs = performance.timeOrigin + performance.now();

  /** As it was when first asked: what is read later may be newer, and is then read once more. */
  before(path: string): string | null {
    let known = this.#known.get(path);
    if (known === undefined) this.#known.set(path, (known = signatureOf(path)));
    return known;
  }

  /** Of a file that was read before this was asked: one that changed in between is given a signature it can never have. */
  after(path: string): string | null {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const changedAtMs = statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0;
    return changedAtMs > this.#beganAtMs - TICK_MS ? 'changed while it was read' : this.before(path);
  }
}

function signatureOf(path: string): string | null {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.ino}:${stat.size}:${stat.mtimeMs}:${stat.ctimeMs}`;
}

export type SourceText = { readonly kind: 'text'; readonly text: string; readonly hash: string } | { readonly kind: 'unreadable'; readonly error: ImportError };

/** The text of a DAG file, refused when it leads out of the folder, is too large, or is no UTF-8 text. */
export async function readSource(folder: string, file: string, limitBytes: number): Promise<SourceText> {
  const path = join(folder, file);
  const strange = STRANGE_NAME.exec(file)?.[0];
  if (strange !== undefined) return unreadable('unreadable', `The name of ${JSON.stringify(file)} holds ${JSON.stringify(strange)}, which means something else in an import. Rename the file.`);
  try {
    const real = realpathSync(path);
    if (relative(folder, real).split(sep)[0] === '..') {
      return unreadable('unreadable', `${file} is a symbolic link to ${real}, outside the DAG folder. Copy the file into the folder, or import it from a file there.`);
    }
    const stat = statSync(real);
    if (!stat.isFile()) return unreadable('unreadable', `${file} is no regular file. Remove it from the DAG folder.`);
    const { size } = stat;
    if (size > limitBytes) {
      return unreadable('too_large', `${file} has ${megabytes(size)}; a DAG file has at most ${megabytes(limitBytes)}. Move data out of the code and read it inside a task.`);
    }
    const bytes = await readFile(real);
    if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
      return unreadable('unreadable', `${file} is encoded as UTF-16; DAG files are UTF-8. Save it as UTF-8.`);
    }
    const zero = bytes.indexOf(0);
    if (zero !== -1) return unreadable('unreadable', `${file} holds a NUL byte at position ${zero}; DAG files are text. Restore the file.`);
    if (!isUtf8(bytes)) return unreadable('unreadable', `${file} is not valid UTF-8. Save it as UTF-8.`);
    return { kind: 'text', text: bytes.toString('utf8').replace(/^\uFEFF/, ''), hash: createHash('sha256').update(bytes).digest('hex') };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return unreadable('unreadable', code === 'ENOENT' ? `${file} went away while it was read, or is a link to nothing.` : code === 'ELOOP' ? `${file} is a symbolic link to itself. Remove it.` : `${file} cannot be read: ${message}.`);
  }
}

const unreadable = (code: ImportError['code'], message: string): SourceText => ({ kind: 'unreadable', error: { code, message } });
