import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Registry } from 'prom-client';

/**
 * What orchestrators of containers ask a service, on a port of its own: `/livez` (the event loop turns), `/readyz`
 * (every named check holds, 503 and their reasons otherwise) and `/metrics` (Prometheus text).
 */
export interface HealthChecks {
  /** undefined: well. A sentence: why not. Must answer from what is known, without asking a remote part each time. */
  readonly [name: string]: () => string | undefined;
}

export class HealthServer {
  readonly metrics = new Registry();
  readonly #checks: HealthChecks;
  readonly #server: Server;

  constructor(options: { service: string; checks: HealthChecks }) {
    this.#checks = options.checks;
    this.metrics.setDefaultLabels({ service: options.service });
    this.#server = createServer((request, response) => void this.#answer(request.url ?? '/', response));
  }

  /** Listens; answers the port (0 picks a free one). Default metrics of the process are collected from here on. */
  async listen(port: number, host = '127.0.0.1'): Promise<number> {
    collectDefaultMetrics({ register: this.metrics, prefix: 'dagbook_' });
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

  async #answer(url: string, response: import('node:http').ServerResponse): Promise<void> {
    if (url === '/livez') return void response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n');
    if (url === '/readyz') {
      const reasons = readinessProblems(this.#checks);
      response.writeHead(reasons.length === 0 ? 200 : 503, { 'content-type': 'text/plain' });
      return void response.end(reasons.length === 0 ? 'ok\n' : `${reasons.join('\n')}\n`);
    }
    if (url === '/metrics') {
      const body = await this.metrics.metrics();
      return void response.writeHead(200, { 'content-type': this.metrics.contentType }).end(body);
    }
    response.writeHead(404).end();
  }
}

export function readinessProblems(checks: HealthChecks): readonly string[] {
  return Object.entries(checks).flatMap(([name, check]) => {
    const reason = check();
    return reason === undefined ? [] : [`${name}: ${reason}`];
  });
}
