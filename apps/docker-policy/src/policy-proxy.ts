import { chmodSync, rmSync } from 'node:fs';
import { createServer, request as ask, type ClientRequest, type IncomingMessage, type RequestOptions, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Log } from '@dagbook/platform';
import { type Mounted, PROTECTED_LABEL, type ResolvePath } from './container-rule.ts';
import { type Admission, admitRequest, judgeContentType, judgeImage, judgeKnown, type KnownContainer } from './engine-request.ts';
import { HostFolders, type Place } from './host-folders.ts';
import type { SitePolicy } from './site-policy.ts';

/** Bodies are a command's or a container's description; templates with megabytes of environment do not start anyway. */
const MAX_BODY_BYTES = 4 * 2 ** 20;

interface Inspected {
  readonly Name: string;
  readonly Config?: { readonly Labels?: Readonly<Record<string, string>> | null };
  readonly HostConfig?: Readonly<Record<string, unknown>>;
  readonly Mounts?: readonly (Mounted & { readonly Destination: string })[];
}

export interface PolicyProxyOptions {
  /** The engine's own socket. */
  readonly engineSocket: string;
  /** Where the proxy listens; a socket that is there already is replaced. */
  readonly socket: string;
  readonly policy: SitePolicy;
  /** Where this runs. Default: on the host itself. */
  readonly place?: Place;
  readonly log: Log;
}

/** Known bad before the engine hears of it: 403 with the sentence, as the engine itself says what is wrong. */
class Refused extends Error {
  readonly status: number;
  constructor(message: string, status = 403) {
    super(message);
    this.name = 'Refused';
    this.status = status;
  }
}

/**
 * Stands between tasks and the Docker engine of their host. A request passes judged or not at all: first where it goes,
 * then what it carries or the container that it is about. A body that was judged goes on as it was read, never as it came:
 * the engine reads names in any case and merges what is said twice. Streams (logs, attach, exec) pass as they are.
 */
export class PolicyProxy {
  readonly #options: PolicyProxyOptions;
  readonly #server: Server;
  readonly #upgraded = new Set<Duplex>();
  /** Absent until the engine has said what this container has mounted. */
  #folders: HostFolders | undefined;

  constructor(options: PolicyProxyOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => void this.#upgrade(request, socket, head));
    this.#server.requestTimeout = 0;
    this.#server.timeout = 0;
  }

  async listen(): Promise<void> {
    rmSync(this.#options.socket, { force: true });
    await new Promise<void>((resolve, reject) => this.#server.once('error', reject).listen(this.#options.socket, resolve));
    chmodSync(this.#options.socket, 0o660);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    for (const socket of this.#upgraded) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Whether the engine answers; undefined: it does. */
  async engineFailure(): Promise<string | undefined> {
    return this.#askEngine('/_ping').then(() => undefined, (error: unknown) => `the engine at ${this.#options.engineSocket} does not answer: ${(error as Error).message}`);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = await this.#judge(request, () => bodyOf(request));
      const onward = ask(this.#onward(request, body), (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders);
        // Whoever follows a log wants the head before the first line.
        response.flushHeaders();
        answer.pipe(response);
      });
      onward.on('error', (error) => (response.headersSent ? response.destroy() : say(response, 502, `the Docker engine at ${this.#options.engineSocket} does not answer: ${error.message}`)));
      response.on('close', () => onward.destroy());
      send(onward, request, body);
    } catch (error) {
      if (!(error instanceof Refused)) this.#options.log.error('could not judge a request', { error: String(error) });
      say(response, error instanceof Refused ? error.status : 502, (error as Error).message);
    }
  }

  /** Until the engine has said that the connection is a stream now, nothing that follows the request's body is read. */
  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    try {
      const upgraded = { rest: head };
      const body = await this.#judge(request, async () => {
        const [read, rest] = await bodyOfUpgraded(request, socket, head);
        upgraded.rest = rest;
        return read;
      });
      const onward = ask(this.#onward(request, body));
      onward.on('upgrade', (answer, engine, first) => {
        socket.write(headOf(answer));
        if (first.length > 0) socket.write(first);
        if (upgraded.rest.length > 0) engine.write(upgraded.rest);
        this.#join(socket, engine);
      });
      onward.on('response', (answer) => {
        socket.write(headOf(answer, { connection: 'close' }));
        answer.on('data', (chunk) => socket.write(chunk)).on('end', () => socket.end());
      });
      onward.on('error', (error) => endWith(socket, 502, error.message));
      send(onward, request, body);
    } catch (error) {
      endWith(socket, error instanceof Refused ? error.status : 502, (error as Error).message);
    }
  }

  #join(one: Duplex, other: Duplex): void {
    for (const [from, to] of [[one, other], [other, one]] as const) {
      this.#upgraded.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy()).on('close', () => {
        this.#upgraded.delete(from);
        to.end();
      });
    }
  }

  /** Answers the body to send on when it had to be read; throws `Refused`. */
  async #judge(request: IncomingMessage, readBody: () => Promise<Buffer>): Promise<Buffer | undefined> {
    const { method = 'GET', url = '/' } = request;
    const admission = admitRequest(method, url);
    const refuse = (message: string | undefined): void => {
      if (message === undefined) return;
      this.#options.log.warn('refused', { method, url: url.split('?')[0], message });
      throw new Refused(message);
    };
    if (admission.kind === 'refuse') refuse(admission.message);
    refuse(judgeContentType(request.headers['content-type']));
    refuse(await this.#judgeWhatItIsAbout(admission));
    const judge = judgeOf(admission);
    if (judge === undefined) return request.headers.upgrade === undefined ? undefined : readBody();
    const body = parsed(await readBody());
    const folders = await this.#foldersSeen();
    refuse(judge(body, this.#options.policy, (path) => folders.resolve(path)));
    return Buffer.from(JSON.stringify(body));
  }

  async #judgeWhatItIsAbout(admission: Admission): Promise<string | undefined> {
    if (admission.kind === 'container') return this.#judgeContainer(admission.id, admission.enters);
    if (admission.kind === 'execution') {
      const { ContainerID } = (await this.#askEngine(`/exec/${admission.id}/json`)) as { readonly ContainerID: string };
      return this.#judgeContainer(ContainerID, false);
    }
    if (admission.kind !== 'image') return undefined;
    const { Id } = (await this.#askEngine(`/images/${admission.name}/json`)) as { readonly Id: string };
    const own = (await this.#askEngine(`/containers/json?all=1&filters=${encodeURIComponent(JSON.stringify({ label: [PROTECTED_LABEL] }))}`)) as readonly { readonly ImageID: string }[];
    return judgeImage(admission.name, Id, own.map(({ ImageID }) => ImageID));
  }

  async #judgeContainer(id: string, enters: boolean): Promise<string | undefined> {
    const folders = await this.#foldersSeen();
    return judgeKnown(id, await this.#containerOf(id), enters, this.#options.policy, (path) => folders.resolve(path));
  }

  async #containerOf(id: string): Promise<KnownContainer> {
    const { Name, Config, HostConfig, Mounts } = (await this.#askEngine(`/containers/${id}/json`)) as Inspected;
    return { name: Name.slice(1), labels: Config?.Labels ?? {}, hostConfig: HostConfig ?? {}, mounts: Mounts ?? [] };
  }

  /** In a container only what is mounted into it is the host's; how, its engine knows. */
  async #foldersSeen(): Promise<HostFolders> {
    if (this.#folders !== undefined) return this.#folders;
    const { place = 'host' } = this.#options;
    if (place === 'host') return (this.#folders = HostFolders.all());
    if (place === 'unknown') return (this.#folders = HostFolders.mounted([]));
    const { Mounts = [] } = (await this.#askEngine(`/containers/${place.container}/json`)) as Inspected;
    return (this.#folders = HostFolders.mounted(Mounts.filter(({ Type }) => Type === 'bind')));
  }

  async #askEngine(path: string): Promise<unknown> {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      ask({ socketPath: this.#options.engineSocket, path, timeout: 30_000 }, resolve).on('error', reject).on('timeout', function (this: ClientRequest) {
        this.destroy(new Error('no answer within 30 s'));
      }).end();
    });
    const text = (await bodyOf(answer, Number.POSITIVE_INFINITY)).toString('utf8');
    if (answer.statusCode !== 200) throw new Refused((JSON.parse(text) as { message: string }).message, answer.statusCode);
    return path === '/_ping' ? text : JSON.parse(text);
  }

  #onward({ method, url, headers }: IncomingMessage, body: Buffer | undefined): RequestOptions {
    const { 'content-length': _length, 'transfer-encoding': _encoding, ...kept } = headers;
    const framing = body === undefined ? headers : { ...kept, ...(body.length === 0 ? {} : { 'content-length': body.length, 'content-type': 'application/json' }) };
    return { socketPath: this.#options.engineSocket, method, path: url, headers: framing };
  }
}

function judgeOf(admission: Admission): ((body: { readonly [name: string]: unknown }, ...rest: [SitePolicy, ResolvePath]) => string | undefined) | undefined {
  return admission.kind === 'body' || admission.kind === 'container' ? admission.judge : undefined;
}

function parsed(body: Buffer): { readonly [name: string]: unknown } {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as { readonly [name: string]: unknown };
  } catch {
    // Said below.
  }
  throw new Refused('the body is not a JSON object, so it cannot be judged: send one', 400);
}

async function bodyOf(from: IncomingMessage, maxBytes = MAX_BODY_BYTES): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of from as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Refused(`the body has more than ${maxBytes} bytes, so it is not judged: send a shorter one`, 413);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Node hands over the bare connection: the body lies before the stream, as long as was said. */
async function bodyOfUpgraded(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<[Buffer, Buffer]> {
  if (request.headers['transfer-encoding'] !== undefined) throw new Refused('a request that becomes a stream must say the length of its body', 411);
  const wanted = Number(request.headers['content-length'] ?? 0);
  if (!(wanted <= MAX_BODY_BYTES)) throw new Refused(`the body has more than ${MAX_BODY_BYTES} bytes, so it is not judged: send a shorter one`, 413);
  let have = head;
  while (have.length < wanted) {
    const chunk = (socket.read() as Buffer | null) ?? (await new Promise<null>((resolve, reject) => socket.once('readable', () => resolve(null)).once('end', () => reject(new Refused('the body ended early', 400)))));
    if (chunk !== null) have = Buffer.concat([have, chunk]);
  }
  return [have.subarray(0, wanted), have.subarray(wanted)];
}

function send(onward: ClientRequest, request: IncomingMessage, body: Buffer | undefined): void {
  if (body === undefined) request.pipe(onward);
  else onward.end(body);
}

function headOf(answer: IncomingMessage, instead: { readonly [name: string]: string } = {}): string {
  const lines: string[] = [];
  for (let i = 0; i < answer.rawHeaders.length; i += 2) {
    const name = answer.rawHeaders[i] as string;
    // A body that Node has unwrapped has no frames any more; it ends with the connection.
    if (name.toLowerCase() !== 'transfer-encoding' && !Object.hasOwn(instead, name.toLowerCase())) lines.push(`${name}: ${answer.rawHeaders[i + 1]}`);
  }
  for (const [name, value] of Object.entries(instead)) lines.push(`${name}: ${value}`);
  return `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n${lines.join('\r\n')}\r\n\r\n`;
}

const said = (message: string): string => `${JSON.stringify({ message })}\n`;

const say = (response: ServerResponse, status: number, message: string): void => void response.writeHead(status, { 'content-type': 'application/json' }).end(said(message));

const endWith = (socket: Duplex, status: number, message: string): void =>
  void socket.end(`HTTP/1.1 ${status} Refused\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(said(message))}\r\nconnection: close\r\n\r\n${said(message)}`);
