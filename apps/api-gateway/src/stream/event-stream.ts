import type { FastifyReply, FastifyRequest } from 'fastify';

const HEARTBEAT_MS = 15_000;

export interface ServerSentEvent {
  readonly id?: string;
  readonly event?: string;
  readonly data: string;
}

/**
 * One client's server-sent events, over the raw response: open until the client goes, the server closes it, or the
 * process stops. A comment every 15 seconds keeps proxies from ending it.
 */
export class EventStream {
  readonly #reply: FastifyReply;
  readonly #abort = new AbortController();
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(request: FastifyRequest, reply: FastifyReply) {
    this.#reply = reply;
    reply.hijack();
    reply.raw.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    reply.raw.write('retry: 1000\n\n');
    request.raw.socket.setNoDelay(true);
    this.#heartbeat = setInterval(() => void reply.raw.write(': still here\n\n'), HEARTBEAT_MS);
    reply.raw.once('close', () => this.close());
  }

  static open(request: FastifyRequest, reply: FastifyReply): EventStream {
    return new EventStream(request, reply);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Resolves when the socket can take more. */
  async send({ id, event, data }: ServerSentEvent): Promise<void> {
    if (this.#abort.signal.aborted) return;
    const lines = data.split('\n').map((line) => `data: ${line}\n`).join('');
    const text = `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}${lines}\n`;
    if (this.#reply.raw.write(text)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#reply.raw.off('drain', done);
        this.#abort.signal.removeEventListener('abort', done);
        resolve();
      };
      this.#reply.raw.once('drain', done);
      this.#abort.signal.addEventListener('abort', done);
    });
  }

  /** Safe twice. */
  close(): void {
    clearInterval(this.#heartbeat);
    if (!this.#abort.signal.aborted) this.#abort.abort();
    if (!this.#reply.raw.writableEnded) this.#reply.raw.end();
  }
}
