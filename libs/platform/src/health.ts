import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.ts';

/** undefined: well. A sentence: why not. Answers from what is known, without asking a remote part each time. */
export type HealthChecks = Readonly<Record<string, () => string | undefined>>;

/**
 * What keepers of containers ask a service, on a port of its own: `/livez` (the event loop turns), `/readyz` (every
 * named check holds; else 503 and their reasons) and `/metrics` (Prometheus text).
 */
export class HealthServer {
  readonly #checks: HealthChecks;
  readonly #metrics: Metrics;
  readonly #server: Server;

  constructor(options: { readonly checks: HealthChecks; readonly metrics: Metrics }) {
    this.#checks = options.checks;
    this.#metrics = options.metrics;
    this.#server = createServer((request, response) => void this.#answer(request.url ?? '/', response));
  }

  /** Answers the port; 0 picks a free one. */
  async listen(port: number, host: string): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(url: string, response: ServerResponse): Promise<void> {
    switch (url) {
      case '/livez':
        return say(response, 200, 'ok\n');
      case '/readyz': {
        const reasons = readinessProblems(this.#checks);
        return reasons.length === 0 ? say(response, 200, 'ok\n') : say(response, 503, `${reasons.join('\n')}\n`);
      }
      case '/metrics':
        return say(response, 200, await this.#metrics.text(), this.#metrics.contentType);
      default:
        return say(response, 404, 'there is /livez, /readyz and /metrics\n');
    }
  }
}

const say = (response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void =>
  void response.writeHead(status, { 'content-type': type }).end(body);

export function readinessProblems(checks: HealthChecks): readonly string[] {
  return Object.entries(checks).flatMap(([name, check]) => {
    const reason = check();
    return reason === undefined ? [] : [`${name}: ${reason}`];
  });
}
