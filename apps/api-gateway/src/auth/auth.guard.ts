import { createParamDecorator, SetMetadata, type CanActivate, type CustomDecorator, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { forbidden, unauthorized } from '../error/api-error.ts';
import type { Principal, TokenDesk } from './token-desk.ts';

const PUBLIC = 'dagbook:public';
const TOKEN_COOKIE = '_token';

/** Answers whoever asks. */
export const Public = (): CustomDecorator => SetMetadata(PUBLIC, true);

const principals = new WeakMap<FastifyRequest, Principal>();

/** The signed-in user; only on operations that are not public. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const principal = principals.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (principal === undefined) throw unauthorized('Not authenticated');
  return principal;
});

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Who asks, from the bearer token or else the cookie. A browser sends the cookie with requests of other sites too, so
 * one that changes something must also show that it is the page's own: by its Origin, or by a header that a foreign form
 * cannot set.
 */
export class AuthGuard implements CanActivate {
  readonly #tokens: TokenDesk;
  readonly #reflector = new Reflector();
  constructor(tokens: TokenDesk) {
    this.#tokens = tokens;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return true;
    if (this.#reflector.getAllAndOverride<boolean | undefined>(PUBLIC, [context.getHandler(), context.getClass()]) === true) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const principal = await principalOf(request, this.#tokens);
    if (principal === null) throw unauthorized('Not authenticated');
    if (!SAFE.has(request.method) && principal.role === 'viewer') throw forbidden('A viewer may look and not change');
    principals.set(request, principal);
    return true;
  }
}

/** null: nobody, or a token that is not good. A forged cross-site request is refused. */
export async function principalOf(request: FastifyRequest, tokens: TokenDesk): Promise<Principal | null> {
  const bearer = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return tokens.principalOf(bearer);
  const cookie = cookieOf(request, TOKEN_COOKIE);
  if (cookie === undefined) return null;
  if (!SAFE.has(request.method) && !isSameOrigin(request)) {
    throw forbidden('A change by cookie needs the header X-Requested-With: dagbook, or an Origin of this site');
  }
  return tokens.principalOf(cookie);
}

const isSameOrigin = (request: FastifyRequest): boolean =>
  request.headers.origin === undefined ? request.headers['x-requested-with'] !== undefined : !isForeign(request);

/** A page of another site asks; a client that is no browser names no origin. */
export function isForeign(request: FastifyRequest): boolean {
  const { origin, host } = request.headers;
  return origin !== undefined && !(URL.canParse(origin) && new URL(origin).host === host);
}

function cookieOf(request: FastifyRequest, name: string): string | undefined {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}

export const tokenCookie = (token: string, maxAgeSeconds: number, isSecure: boolean): string =>
  `${TOKEN_COOKIE}=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}${isSecure ? '; Secure' : ''}`;
