import { TaskFailure, type OperatorContext, type OperatorExecutor } from '@dagbook/sdk';
import { connectionOf, type Connection } from './connection.ts';
import { Fields } from './field.ts';

const MAX_BODY_BYTES = 64 * 1024 * 1024;
const SHOWN_BODY_CHARACTERS = 4_000;
/** Of the answers 400 to 499 these may be another the next time. */
const TRANSIENT_STATUSES = [404, 408, 409, 423, 425, 429];

/**
 * One HTTP request, with the credentials of a connection when one is named. The answer's body is the result, as JSON when
 * its content type says so. A status that is not expected fails with the first characters of the body; 4xx is final
 * except where time may mend it (404, 408, 409, 423, 425, 429).
 */
export const http: OperatorExecutor = async (given, context) => {
  const fields = new Fields('http', given);
  const id = fields.optionalText('connection', 'the id of a connection');
  const connection = id === undefined ? undefined : await connectionOf(id, context, 'http');
  const url = urlOf(fields, connection);
  const body = fields.raw('body');
  const expected = readExpected(fields);
  const method = fields.oneOf('method', ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'], 'GET');
  if (body !== undefined && body !== null && (method === 'GET' || method === 'HEAD')) throw new TaskFailure('bad_input', `http: a ${method} request has no body: leave it out, or choose another method`, { retry: false });
  const sent = await request(
    {
      url, method,
      headers: { ...authorizationOf(connection), ...(body === undefined || body === null || typeof body === 'string' ? {} : { 'content-type': 'application/json' }), ...readHeaders(fields) },
      ...(body === undefined || body === null ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      withinMs: fields.durationMs('within', 60_000),
    },
    context,
  );
  const accepted = expected === undefined ? sent.status >= 200 && sent.status < 300 : expected.includes(sent.status);
  if (!accepted) throw refusedAnswer(sent);
  if (sent.text === '') return null;
  return /^application\/(?:[\w.-]+\+)?json\b/i.test(sent.contentType) ? jsonOf(sent) : sent.text;
};

export interface HttpRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: { readonly [name: string]: string };
  readonly body?: string;
  readonly withinMs: number;
  /** Shown in place of the URL, which may be a secret itself. */
  readonly called?: string;
}

export interface HttpAnswer {
  /** `GET https://host/path`, without query and credentials. */
  readonly called: string;
  readonly status: number;
  readonly statusText: string;
  readonly contentType: string;
  readonly text: string;
}

/** Sends and reads all of the answer. A server that is away or slow fails with `error` and a sentence. */
export async function request(wanted: HttpRequest, context: OperatorContext): Promise<HttpAnswer> {
  const called = `${wanted.method} ${wanted.called ?? wanted.url.origin + wanted.url.pathname}`;
  const timeout = AbortSignal.timeout(wanted.withinMs);
  try {
    const response = await followed(wanted, called, AbortSignal.any([timeout, context.io.signal]));
    const text = await limitedText(response, called);
    context.io.log('info', `${called} answered ${response.status} with ${text.length} characters`, { logger: 'task.http' });
    return { called, status: response.status, statusText: response.statusText, contentType: response.headers.get('content-type') ?? '', text };
  } catch (cause) {
    if (cause instanceof TaskFailure) throw cause;
    if (context.io.signal.aborted) throw new TaskFailure('cancelled', `${called} was broken off: the try was cancelled or its time is over`, { cause });
    throw new TaskFailure('error', timeout.aborted ? `${called} was not answered within ${wanted.withinMs / 1000} s` : `${called} could not be sent: ${causeOf(cause)}`, { cause });
  }
}

interface Hop {
  readonly url: URL;
  readonly method: string;
  readonly headers: { readonly [name: string]: string };
  readonly body?: string;
}

/** Redirects are followed as a browser does, but to http and https only, never to an address that only the host itself knows, and what the author sent along goes to no other origin. */
async function followed(wanted: HttpRequest, called: string, signal: AbortSignal): Promise<Response> {
  let hop: Hop = wanted;
  for (let redirects = 0; ; redirects += 1) {
    const { url, method, headers, body } = hop;
    const response = await fetch(url, { method, headers, signal, redirect: 'manual', ...(body === undefined ? {} : { body }) });
    const location = REDIRECTS.has(response.status) ? response.headers.get('location') : null;
    if (location === null) return response;
    await response.body?.cancel();
    if (redirects === MAX_REDIRECTS) throw new TaskFailure('error', `${called} was redirected more than ${MAX_REDIRECTS} times`, { retry: false });
    const to = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
    if (to === undefined || !/^https?:$/.test(to.protocol)) throw new TaskFailure('error', `${called} was redirected to what is no http or https URL`, { retry: false });
    if (isOfTheHost(to) && !isOfTheHost(wanted.url)) throw new TaskFailure('error', `${called} was redirected to ${to.host}, an address of the worker's own host, and is not followed there`, { retry: false });
    hop = redirected(hop, to, response.status);
  }
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 10;

/** Loopback, and link-local addresses, where clouds answer with the machine's credentials. */
export const isOfTheHost = ({ hostname }: URL): boolean => /^(localhost|.*\.localhost|127\..*|0\.0\.0\.0|169\.254\..*|\[::1?\]|\[fe[89ab].*\]|\[fd00:ec2::.*\]|\[::ffff:(7f|a9fe).*\]|metadata\.google\.internal)$/i.test(hostname);

function redirected({ url, method, headers, body }: Hop, to: URL, status: number): Hop {
  const becomesGet = status === 303 ? method !== 'HEAD' : (status === 301 || status === 302) && method === 'POST';
  const rest = to.origin === url.origin ? headers : {};
  if (becomesGet) return { url: to, method: 'GET', headers: Object.fromEntries(Object.entries(rest).filter(([name]) => !/^content-/i.test(name))) };
  const type = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type');
  return { url: to, method, headers: to.origin === url.origin || type === undefined ? rest : { [type[0]]: type[1] }, ...(body === undefined ? {} : { body }) };
}

/** Refused here, without their values: what a client says of a bad one repeats it. */
function readHeaders(fields: Fields): { readonly [name: string]: string } {
  const headers = fields.pairs('headers');
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) fields.refuse('headers', name, 'named by letters, digits and -');
    if (/[\r\n]|[^\t\x20-\x7e\x80-\xff]/.test(value)) throw new TaskFailure('bad_input', `http: headers.${name} must be one line of Latin letters; write other text percent-encoded`, { retry: false });
  }
  return headers;
}

export function refusedAnswer({ called, status, statusText, text }: HttpAnswer): TaskFailure {
  const final = status >= 400 && status < 500 && !TRANSIENT_STATUSES.includes(status);
  return new TaskFailure('error', `${called} answered ${status}${statusText === '' ? '' : ` ${statusText}`}`, { retry: !final, ...(text === '' ? {} : { detail: text.slice(0, SHOWN_BODY_CHARACTERS) }) });
}

async function limitedText(response: Response, called: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new TaskFailure('bad_output', `${called} answered more than ${MAX_BODY_BYTES / 1024 / 1024} MB, which is too much for a result; fetch it to a file`, { retry: false });
    chunks.push(chunk);
  }
  return decoderOf(response.headers.get('content-type') ?? '').decode(Buffer.concat(chunks));
}

/** By the charset that the server names, where it is one. */
function decoderOf(contentType: string): Pick<InstanceType<typeof TextDecoder>, 'decode'> {
  const charset = /charset="?([\w.:-]+)/i.exec(contentType)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset);
  } catch {
    return new TextDecoder();
  }
}

function jsonOf({ called, text }: HttpAnswer): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TaskFailure('bad_output', `${called} says that its answer is JSON, and it is not: ${text.slice(0, 200)}`, { cause });
  }
}

/** fetch says only "fetch failed"; why stands in its cause. */
function causeOf(error: unknown): string {
  const { cause, message } = error as { cause?: NodeJS.ErrnoException; message: string };
  return cause === undefined ? message : [cause.code, cause.message].filter((part) => part !== undefined && part !== '').join(': ');
}

function urlOf(fields: Fields, connection: Connection | undefined): URL {
  const given = fields.text('url', connection === undefined ? 'a URL' : 'a URL, or a path below the host of the connection');
  const url = URL.canParse(given) ? new URL(given) : connection === undefined ? undefined : belowHost(given, connection);
  if (url === undefined || !/^https?:$/.test(url.protocol)) fields.refuse('url', withoutSecrets(given), 'an http or https URL');
  if (url.username !== '' || url.password !== '') fields.refuse('url', withoutSecrets(given), 'a URL without user and password; name a connection instead');
  for (const [name, value] of Object.entries(fields.pairs('query'))) url.searchParams.append(name, value);
  return url;
}

export function belowHost(path: string, { host, port, schema, type }: Connection): URL | undefined {
  if (host === undefined) return undefined;
  const base = host.includes('://') ? host : `${/^https?$/.test(schema ?? '') ? schema : type === 'https' ? 'https' : 'http'}://${host}`;
  if (!URL.canParse(base)) return undefined;
  const url = new URL(base);
  if (port !== undefined) url.port = String(port);
  return new URL(`${url.href.replace(/\/+$/, '')}/${path.replace(/^\/+/, '')}`);
}

const withoutSecrets = (url: string): string => url.replace(/\/\/[^/@]*@/, '//…@').replace(/\?.*/s, '?…');

function authorizationOf(connection: Connection | undefined): { readonly [name: string]: string } {
  if (connection?.password === undefined) return {};
  if (connection.login === undefined) return { authorization: `Bearer ${connection.password}` };
  return { authorization: `Basic ${Buffer.from(`${connection.login}:${connection.password}`).toString('base64')}` };
}

function readExpected(fields: Fields): readonly number[] | undefined {
  if (!fields.has('expect')) return undefined;
  const value = fields.raw('expect');
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (!list.every((status) => Number.isInteger(status) && Number(status) >= 100 && Number(status) < 600)) fields.refuse('expect', value, 'a status from 100 to 599, or a list of them');
  return list as readonly number[];
}
