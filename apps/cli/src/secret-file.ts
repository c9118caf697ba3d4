import { readFileSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import type { ConnectionBody, VariableBody } from '@dagbook/api-client';
import { isRejected, readConnection } from '@dagbook/domain';
import { parse } from 'yaml';
import { CliFailure } from './failure.ts';
import type { Terminal } from './terminal.ts';

const FORMATS = ['json', 'yaml', 'env'] as const;
type FileFormat = (typeof FORMATS)[number];

/** A file, or stdin for `-`. */
export async function readInput(terminal: Terminal, path: string): Promise<string> {
  if (path === '-') return terminal.readStdin();
  const file = resolve(terminal.cwd, path);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliFailure('usage', `${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).`);
  }
}

/** Ids and values of what `airflow connections export` or `airflow variables export` wrote: JSON, YAML, or `id=value` lines. */
async function readMembers(terminal: Terminal, path: string, format: string | undefined): Promise<readonly (readonly [id: string, value: unknown])[]> {
  const text = await readInput(terminal, path);
  const chosen = formatOf(path, format);
  if (chosen === 'env') {
    return text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#')).map((line) => {
      const at = line.indexOf('=');
      if (at < 1) throw new CliFailure('usage', `${path} has a line without id and value.`, 'Each line is like my_db=postgres://user:password@host/db.');
      return [line.slice(0, at), line.slice(at + 1)];
    });
  }
  let members: unknown;
  try {
    members = chosen === 'json' ? JSON.parse(text) : parse(text);
  } catch {
    // What is wrong stands beside a secret, as a rule: it is not repeated.
    throw new CliFailure('usage', `${path} is no ${chosen.toUpperCase()}.`, `--format says which it is: ${FORMATS.join(', ')}.`);
  }
  if (typeof members !== 'object' || members === null || Array.isArray(members)) throw new CliFailure('usage', `${path} holds no object of ids and values.`);
  return Object.entries(members);
}

function formatOf(path: string, format: string | undefined): FileFormat {
  const extension = extname(path).slice(1).toLowerCase();
  const wanted = format ?? (extension === 'yml' ? 'yaml' : extension === '' ? 'json' : extension);
  const found = FORMATS.find((one) => one === wanted);
  if (found === undefined) throw new CliFailure('usage', `"${wanted}" is no format of such a file.`, `--format says which it is: ${FORMATS.join(', ')}.`);
  return found;
}

export async function readConnections(terminal: Terminal, path: string, format: string | undefined): Promise<ConnectionBody[]> {
  return (await readMembers(terminal, path, format)).map(([id, value]) => connectionBody(id, typeof value === 'string' ? value : JSON.stringify(value)));
}

/** From a URI or a JSON object. Refusals name the connection and never what it holds. */
export function connectionBody(id: string, text: string): ConnectionBody {
  const connection = readConnection(text);
  if (isRejected(connection)) throw new CliFailure('usage', `The connection '${id}' cannot be read: ${connection.message}`);
  const { connType, description, host, login, password, port, schema, extra } = connection;
  return { connection_id: id, conn_type: connType ?? '', description, host, login, password, port, schema, extra };
}

/** A value, or one with its description, as Airflow exports it. */
export async function readVariables(terminal: Terminal, path: string, format: string | undefined): Promise<VariableBody[]> {
  return (await readMembers(terminal, path, format)).map(([key, value]) => {
    const described = typeof value === 'object' && value !== null && 'value' in value ? (value as { value: unknown; description?: unknown }) : { value };
    const { description } = described;
    return { key, value: described.value as VariableBody['value'], ...(typeof description === 'string' ? { description } : {}) };
  });
}
