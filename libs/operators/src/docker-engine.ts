import { existsSync, readFileSync } from 'node:fs';
import { TaskFailure, type OperatorContext } from '@dagbook/sdk';
import type Docker from 'dockerode';
import { connectionOf, extraText, unreadable } from './connection.ts';
import type { Fields } from './field.ts';

export interface Engine {
  readonly docker: Docker;
  /** `unix:///var/run/docker.sock`, for messages. */
  readonly address: string;
}

/** What dockerode rejects with: an answer of the engine has a status, an engine that is away only a system's code. */
export interface EngineError {
  readonly statusCode?: number;
  readonly code?: string;
  readonly message: string;
  readonly json?: { readonly message?: string };
}

export const OWN_SOCKET = 'unix:///var/run/docker.sock';

/** The engine that a connection names, else that of `DOCKER_HOST`, else the host's own. Nothing is asked of it yet. */
export async function engineOf(fields: Fields, context: OperatorContext): Promise<Engine> {
  const id = fields.optionalText('connection', 'the id of a connection');
  if (id === undefined) return hostEngine();
  const { default: Client } = await import('dockerode');
  const connection = await connectionOf(id, context, 'docker');
  const port = connection.port === undefined ? '' : `:${connection.port}`;
  const address = connection.host === undefined ? OWN_SOCKET : connection.host.includes('://') ? connection.host : connection.host.startsWith('/') ? `unix://${connection.host}` : `tcp://${connection.host}${port}`;
  const pem = (name: string): string | undefined => {
    const value = extraText(connection, name);
    if (value === undefined || value.includes('-----BEGIN')) return value;
    if (!existsSync(value)) throw unreadable(id, `extra.${name}`, 'a PEM text, or a file with one on this worker');
    return readFileSync(value, 'utf8');
  };
  const tls = { ca: pem('tls_ca_cert'), cert: pem('tls_client_cert'), key: pem('tls_client_key') };
  const given = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
  const isSecure = Object.keys(given).length > 0;
  return { docker: new Client({ ...placeOf(address, isSecure), ...(isSecure ? { ...given, protocol: 'https' as const } : {}) }), address };
}

export async function hostEngine(options: { readonly timeout?: number } = {}): Promise<Engine> {
  const { default: Client } = await import('dockerode');
  const address = process.env['DOCKER_HOST'] ?? OWN_SOCKET;
  return { docker: new Client({ ...placeOf(address), ...options }), address };
}

function placeOf(address: string, isSecure = false): Docker.DockerOptions {
  if (address.startsWith('unix:///')) return { socketPath: address.slice('unix://'.length) };
  if (!/^(tcp|https?):/.test(address) || !URL.canParse(address)) throw new TaskFailure('bad_input', `the address of the Docker engine is ${JSON.stringify(address)}, but must be like unix:///var/run/docker.sock or tcp://host:2376`, { retry: false });
  const { protocol, hostname, port } = new URL(address.replace(/^tcp:/, 'http:'));
  return { host: hostname, port: port === '' ? (isSecure || protocol === 'https:' ? 2376 : 2375) : Number(port), protocol: protocol === 'https:' ? 'https' : 'http' };
}

/** The engine itself is away: its answer may come another time. */
export const isAway = (error: unknown): boolean => (error as EngineError).statusCode === undefined;

export const statusOf = (error: unknown): number | undefined => (error as EngineError).statusCode;

/**
 * What went wrong, as a failure of the task. 4xx is the request's own fault and final, unless `mayPass` names the status;
 * an engine that is away or busy may be back for the next try.
 */
export function engineFailure(doing: string, { address }: Engine, cause: unknown, mayPass: readonly number[] = []): TaskFailure {
  if (cause instanceof TaskFailure) return cause;
  const { statusCode, code } = cause as EngineError;
  if (statusCode === undefined) {
    const denied = code === 'EACCES';
    if (UNTRUSTED.test(code ?? '')) return new TaskFailure('bad_input', `the Docker engine at ${address} and this task do not trust each other (${code}), so ${doing} failed: correct tls_ca_cert, tls_client_cert and tls_client_key of the connection`, { cause, retry: false });
    return new TaskFailure('error', denied ? `this worker's user may not use the Docker engine at ${address}: give it the group of the socket` : `the Docker engine at ${address} is away (${code ?? (cause as Error).message}), so ${doing} failed`, { cause, retry: !denied });
  }
  const final = (statusCode >= 400 && statusCode < 500 && !mayPass.includes(statusCode)) || (statusCode === 500 && MISTAKE.test(engineSays(cause)));
  return new TaskFailure(final ? 'bad_input' : 'error', `${doing} failed: the Docker engine says ${engineSays(cause)}`, { cause, retry: !final });
}

/** Certificates that are missing, wrong, of another host or out of date, on either side. */
const UNTRUSTED = /^(CERT_|ERR_TLS_|ERR_SSL_(TLSV1\d*_|SSLV3_)?ALERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH)/;

/**
 * Some of an author's mistakes an engine (20.10.24) answers with 500, as if they were failures of its own that may pass:
 * nothing but its words tells an unknown user from a broken disk.
 */
const MISTAKE = /unable to find (user|group) |uids and gids must be in range|is not a directory|not a directory: unknown/i;

/** The engine's own words, without the client's around them. */
export const engineSays = (error: unknown): string => ((error as EngineError).json?.message ?? (error as Error).message.replace(/^\(HTTP code \d+\) [\w ]+ - /, '')).trim();

/** A text is a shell's, a list is run as it is. */
export function readCommand(fields: Fields): string[] | undefined {
  if (!fields.has('command')) return undefined;
  const value = fields.raw('command');
  return Array.isArray(value) ? [...fields.texts('command')] : ['/bin/sh', '-c', fields.text('command')];
}
