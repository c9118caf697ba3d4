import type { FastifyInstance } from 'fastify';
import { invalid } from './api-error.ts';

/** What workers send as it comes, to be read by who wants it. */
const STREAM_TYPE = 'application/x-dagbook-result';

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
  http.addContentTypeParser(STREAM_TYPE, (request, payload, done) => {
    if (request.routeOptions.url === '/execution/results') return done(null, payload);
    payload.resume();
    done(null, undefined);
  });
}
