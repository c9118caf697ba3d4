import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { PartFault } from '../part-fault.ts';

/** Whom Postgres runs as: it refuses to be root. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

const CANDIDATES = ['postgres', 'nobody'];

/**
 * The account for a data folder: null when we are not root (Postgres runs as ourselves), the folder's owner when it
 * has one that is not root, else the system's `postgres` or `nobody`.
 */
export function accountFor(dataDir: string): Account | null {
  if (process.getuid?.() !== 0) return null;
  if (existsSync(dataDir)) {
    const { uid, gid } = statSync(dataDir);
    if (uid !== 0) return { uid, gid, name: accounts().find((account) => account.uid === uid)?.name ?? String(uid) };
  }
  for (const name of CANDIDATES) {
    const found = accounts().find((account) => account.name === name);
    if (found && found.uid !== 0) return found;
  }
  throw new PartFault(
    'postgres.no_account',
    'Postgres refuses to run as root, and this system has neither a "postgres" nor a "nobody" account to run it as.',
    'Start Dagbook as an ordinary user, or add an account: useradd --system postgres.',
  );
}

/** Gives a path to the account; nothing to do when Postgres runs as ourselves. */
export function give(path: string, account: Account | null): void {
  if (account) chownSync(path, account.uid, account.gid);
}

/** The first folder on the way to `path` that the account may not pass through, or null. */
export function untraversable(path: string, account: Account | null): string | null {
  if (!account) return null;
  const folders: string[] = [];
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    folders.unshift(folder);
    if (folder === dirname(folder)) break;
  }
  const passable = (folder: string): boolean => {
    const { mode, uid, gid } = statSync(folder);
    if (uid === account.uid) return (mode & 0o100) !== 0;
    if (gid === account.gid) return (mode & 0o010) !== 0;
    return (mode & 0o001) !== 0;
  };
  return folders.find((folder) => existsSync(folder) && !passable(folder)) ?? null;
}

function accounts(): Account[] {
  const text = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8') : execFileSync('getent', ['passwd'], { encoding: 'utf8' });
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':');
    return name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
  });
}
