import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRejected, type Json } from '@dagbook/domain';
import { type ConnectionFields, readFields, taskFields } from './connection-fields.ts';
import type { SecretStore } from './secret-store.ts';

/** Where secrets are looked for before the store is. */
export interface SecretSources {
  /** `DAGBOOK_CONN_<ID>`, `DAGBOOK_VAR_<KEY>`, and the same with `_FILE`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `connections/<id>`, `variables/<key>`, and `connections.json`, `variables.json`, `connections.env`, `variables.env`. */
  readonly folder?: string | undefined;
}

/** A source has it and cannot give it. No other is asked: what would be found there may be another thing. */
export class SecretSourceError extends Error {
  readonly code = 'secrets.source';
}

const PREFIX = { connections: 'DAGBOOK_CONN_', variables: 'DAGBOOK_VAR_' } as const;
type Group = keyof typeof PREFIX;

/**
 * Finds connections and variables in a fixed order: files of the folder, the environment, the store. The first that has
 * one gives it. Files are read when they are asked for, so that what is mounted may change while the gateway runs.
 */
export class SecretLookup {
  readonly #sources: SecretSources;
  readonly #store: Pick<SecretStore, 'get'>;

  constructor(sources: SecretSources, store: Pick<SecretStore, 'get'>) {
    this.#sources = sources;
    this.#store = store;
  }

  /** By Airflow's names, with its `uri`; null: nowhere. Rejects with `SecretSourceError` or `KeyRingError`. */
  async connection(id: string): Promise<{ readonly [field: string]: Json } | null> {
    const found = this.#outside('connections', id);
    if (found === null) {
      const stored = await this.#store.get('Connection', id);
      return stored === null ? null : taskFields(stored as ConnectionFields);
    }
    const fields = readFields(found.text);
    if (isRejected(fields)) throw new SecretSourceError(`The connection '${id}' in ${found.where} cannot be read: ${fields.message}`);
    return taskFields(fields);
  }

  async variable(key: string): Promise<string | null> {
    const found = this.#outside('variables', key);
    if (found !== null) return found.text;
    const stored = await this.#store.get('Variable', key);
    return stored === null ? null : (stored as { readonly value: string }).value;
  }

  #outside(group: Group, id: string): { readonly text: string; readonly where: string } | null {
    return this.#inFolder(group, id) ?? this.#inEnvironment(group, id);
  }

  #inFolder(group: Group, id: string): { readonly text: string; readonly where: string } | null {
    const { folder } = this.#sources;
    if (folder === undefined) return null;
    // An id that is no file's name cannot lead out of the folder.
    const own = /^(?!\.+$)[\w.-]{1,200}$/.test(id) ? readIfThere(join(folder, group, id)) : null;
    if (own !== null) return own;
    return memberOfJson(join(folder, `${group}.json`), id) ?? memberOfEnv(join(folder, `${group}.env`), id);
  }

  #inEnvironment(group: Group, id: string): { readonly text: string; readonly where: string } | null {
    const name = PREFIX[group] + id.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
    const { [name]: text, [`${name}_FILE`]: file } = this.#sources.env;
    if (text !== undefined && !name.endsWith('_FILE')) return { text, where: name };
    if (file === undefined) return null;
    const read = readIfThere(file);
    if (read === null) throw new SecretSourceError(`${name}_FILE names ${file}, and there is no such file`);
    return { text: read.text, where: `${name}_FILE` };
  }
}

/** Every connection of the environment can be read; told at the start, since whoever set one wants to know then. */
export function checkedEnvironment(env: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || !name.startsWith(PREFIX.connections) || name.endsWith('_FILE')) continue;
    const fields = readFields(value);
    if (isRejected(fields)) throw new SecretSourceError(`${name} cannot be read: ${fields.message}`);
  }
}

function readIfThere(path: string): { readonly text: string; readonly where: string } | null {
  try {
    return { text: readFileSync(path, 'utf8').replace(/\r?\n$/, ''), where: path };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new SecretSourceError(`${path} is there and cannot be read (${code ?? 'unreadable'})`);
  }
}

function memberOfJson(path: string, id: string): { readonly text: string; readonly where: string } | null {
  const file = readIfThere(path);
  if (file === null) return null;
  let members: unknown;
  try {
    members = JSON.parse(file.text);
  } catch {
    throw new SecretSourceError(`${path} is no JSON`);
  }
  if (typeof members !== 'object' || members === null || Array.isArray(members)) throw new SecretSourceError(`${path} is no JSON object of ids and values`);
  if (!Object.hasOwn(members, id)) return null;
  const member = (members as { readonly [id: string]: unknown })[id];
  return { text: typeof member === 'string' ? member : JSON.stringify(member), where: path };
}

/** `id=value`, a line each; what stands behind the first `=` is the value. */
function memberOfEnv(path: string, id: string): { readonly text: string; readonly where: string } | null {
  const line = readIfThere(path)?.text.split(/\r?\n/).find((one) => one.startsWith(`${id}=`));
  return line === undefined ? null : { text: line.slice(id.length + 1), where: path };
}
