import type { FastifyInstance } from 'fastify';
import { invalid } from './api-error.ts';

/** JSON, and the forms in which `/auth/token` may be asked. A body that is not JSON breaks a rule like any other. */
export function addBodyParsers(http: FastifyInstance): void {
  const parseJson = http.getDefaultJsonParser('error', 'error');
  http.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text, done) => {
    if (text === '') return done(null, undefined);
    void parseJson(request, text as string, (error: Error | null, parsed?: unknown) => {
      if (error === null) done(null, parsed);
      else done(invalid([{ type: 'json_invalid', loc: ['body'], msg: 'JSON decode error: the body is not JSON', input: {} }]), undefined);
    });
  });
  http.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_, text, done) => {
    done(null, Object.fromEntries(new URLSearchParams(text as string)));
  });
}
