import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { CliFailure } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** Which Dagbook is spoken to, and as whom. */
export interface Connection {
  readonly url: string;
  readonly credential: Credential;
}

type Credential =
  | { readonly kind: 'token'; readonly token: string }
  /** Of an instance on this machine: whoever may read its data folder is its administrator. */
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  | { readonly kind: 'none' };

/** What `auth login` keeps: one sign-in, good until its token ends. */
export interface Profile {
  readonly url: string;
  readonly username: string;
  readonly token: string;
}

/**
 * The first that is there says where: `--url`, `DAGBOOK_API_URL`, the last login, an instance on this machine. Token and
 * password are only ever given to the address that they were given for: those of a flag or the environment to whichever
 * is chosen, the others to their own.
 */
export function findConnection(terminal: Terminal, given: { readonly url?: string; readonly token?: string }): Connection {
  const profile = readProfile(terminal);
  const local = localInstance(terminal);
  const wanted = given.url ?? wordOf(terminal.env['DAGBOOK_API_URL']) ?? profile?.url ?? local?.url;
  if (wanted === undefined) {
    throw new CliFailure('unreachable', 'There is no Dagbook to speak to: none was named, and none runs on this machine.', 'Start one with npm start, name one with --url or DAGBOOK_API_URL, or log in once: dagbook auth login --url <address>.');
  }
  const url = addressOf(wanted);
  const token = given.token ?? wordOf(terminal.env['DAGBOOK_TOKEN']) ?? (profile?.url === url ? profile.token : undefined);
  if (token !== undefined) return { url, credential: { kind: 'token', token } };
  if (local?.url === url) return { url, credential: { kind: 'password', username: 'admin', password: local.password } };
  return { url, credential: { kind: 'none' } };
}

const wordOf = (value: string | undefined): string | undefined => (value === undefined || value === '' ? undefined : value);

/** Without what follows host and port, so that addresses can be compared. */
export function addressOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new CliFailure('usage', `"${text}" is no address of a Dagbook.`, 'Give it like http://host:8080.');
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** `<data>/runtime.json` of a running standalone instance: DAGBOOK_DATA, else a `.dagbook` here, above, or beside the installation. */
function localInstance(terminal: Terminal): { readonly url: string; readonly password: string } | undefined {
  for (const folder of dataFolders(terminal)) {
    const runtime = readJson<{ readonly url?: unknown }>(join(folder, 'runtime.json'));
    if (typeof runtime?.url !== 'string') continue;
    const password = readText(join(folder, 'admin-password'));
    if (password !== undefined) return { url: runtime.url, password: password.trim() };
  }
  return undefined;
}

function dataFolders({ env, cwd, root }: Terminal): string[] {
  const named = wordOf(env['DAGBOOK_DATA']);
  if (named !== undefined) return [named];
  const folders: string[] = [];
  for (let folder = cwd; ; folder = dirname(folder)) {
    folders.push(join(folder, '.dagbook'));
    if (dirname(folder) === folder) break;
  }
  return [...folders, join(root, '.dagbook')];
}

export const profilePath = ({ env }: Terminal): string =>
  wordOf(env['DAGBOOK_PROFILE']) ?? join(wordOf(env['XDG_CONFIG_HOME']) ?? join(wordOf(env['HOME']) ?? homedir(), '.config'), 'dagbook', 'profile.json');

function readProfile(terminal: Terminal): Profile | undefined {
  const profile = readJson<Partial<Profile>>(profilePath(terminal));
  return typeof profile?.url === 'string' && typeof profile.token === 'string' && typeof profile.username === 'string'
    ? { url: profile.url, token: profile.token, username: profile.username } : undefined;
}

/** Whole or not at all, readable by its owner alone. */
export function writeProfile(terminal: Terminal, profile: Profile): void {
  const path = profilePath(terminal);
  const draft = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(draft, `${JSON.stringify(profile, null, 2)}\n`, { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, path);
}

function readJson<T>(path: string): T | undefined {
  const text = readText(path);
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}

function readText(path: string): string | undefined {
  try {
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  } catch {
    // Somebody else's file: then it is not this user's instance or login.
    return undefined;
  }
}
