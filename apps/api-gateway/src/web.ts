import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** Paths that are never a page: what is not found there is said in JSON. */
const NOT_A_PAGE = /^\/(?:api|ui|auth|execution|assets)\//;

/**
 * The built web UI: files under `assets/` bear a hash in their name and may be kept for ever, any other path is the one
 * page, which finds its view by itself.
 */
export async function serveWeb(http: FastifyInstance, folder: string): Promise<void> {
  const hasPage = existsSync(join(folder, 'index.html'));
  if (hasPage) {
    await http.register(fastifyStatic, { root: folder, wildcard: false, index: false, cacheControl: false, setHeaders: (reply, path) => void reply.header('cache-control', cacheOf(path)) });
  }
  http.get('/*', async (request, reply) => {
    const path = request.url.split('?')[0] as string;
    if (NOT_A_PAGE.test(path)) return reply.status(404).send({ detail: 'Not Found' });
    if (!hasPage) return reply.status(404).send({ detail: `The web UI is not built: there is no index.html in ${folder}. Build it with \`npx vite build apps/web\`` });
    return reply.sendFile('index.html');
  });
}

const cacheOf = (path: string): string => (/[\\/]assets[\\/]/.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache');
