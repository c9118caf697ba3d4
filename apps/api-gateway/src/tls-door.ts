import { once } from 'node:events';
import { createServer } from 'node:https';
import type { FastifyInstance } from 'fastify';

export interface TlsDoorOptions {
  /** 0: a free port. */
  readonly port: number;
  readonly host: string;
  /** The certificate, its key, and whatever lies between it and its authority. */
  readonly pem: string;
}

export interface TlsDoor {
  readonly port: number;
  /** Ends what is open, too: streams have no end of their own. */
  close(): Promise<void>;
}

/**
 * The same routes over TLS: workers on other hosts fetch code, results and the secrets of connections here, which must not
 * cross a network in the clear.
 */
export async function openTlsDoor(http: FastifyInstance, { port, host, pem }: TlsDoorOptions): Promise<TlsDoor> {
  const server = createServer({ key: pem, cert: pem, minVersion: 'TLSv1.2' }, (request, response) => http.routing(request, response));
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
