import type { FastifyInstance } from 'fastify';

/** Styles may be inline because Mantine sets them so; scripts never. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'", "style-src 'self' 'unsafe-inline'", "img-src 'self' data:", "object-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'",
].join('; ');

/** On every answer, also on refusals. What does not say otherwise is not to be stored. */
export function addSecurityHeaders(http: FastifyInstance): void {
  http.addHook('onRequest', async (_, reply) => {
    reply.headers({
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': 'no-store',
    });
  });
}
