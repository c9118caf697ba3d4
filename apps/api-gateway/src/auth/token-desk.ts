import { randomBytes } from 'node:crypto';
import { selectRows, type Queryable } from '@dagbook/read-models';
import type { Clock } from '@dagbook/platform';
import { jwtVerify, SignJWT } from 'jose';

const ISSUER = 'dagbook';
const AUDIENCE = 'dagbook-api';
const ALGORITHM = 'HS512';
const LEEWAY_SECONDS = 10;
export const DAY_SECONDS = 86_400;
const REVOKED_CACHE_MS = 2_000;

/** Who asks. */
export interface Principal {
  readonly username: string;
  readonly role: 'admin' | 'viewer';
  readonly jti: string;
  readonly expiresAtMs: number;
}

/**
 * Issues and checks the tokens of people: JWT, HS512, 24 hours. A logout puts the token's id into `gateway.revoked_tokens`,
 * where every gateway finds it; an id that was good is not looked up again for two seconds.
 */
export class TokenDesk {
  readonly #key: Uint8Array;
  readonly #db: Queryable;
  readonly #clock: Clock;
  readonly #goodUntilMs = new Map<string, number>();

  constructor(options: { secret: string; db: Queryable; clock: Clock }) {
    this.#key = new TextEncoder().encode(options.secret);
    this.#db = options.db;
    this.#clock = options.clock;
  }

  async issue(username: string, role: Principal['role'], seconds = DAY_SECONDS): Promise<string> {
    const now = Math.floor(this.#clock.nowMs() / 1000);
    return new SignJWT({ role })
      .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
      .setJti(randomBytes(16).toString('hex'))
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject(username)
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(now + seconds)
      .sign(this.#key);
  }

  /** null: not a token of ours, or not any more. */
  async principalOf(token: string): Promise<Principal | null> {
    const claims = await this.#claims(token);
    if (claims === null) return null;
    const { sub, jti, exp, role } = claims;
    if (typeof sub !== 'string' || typeof jti !== 'string' || typeof exp !== 'number' || (role !== 'admin' && role !== 'viewer')) return null;
    if (await this.#isRevoked(jti)) return null;
    return { username: sub, role, jti, expiresAtMs: exp * 1000 };
  }

  async revoke(principal: Principal): Promise<void> {
    this.#goodUntilMs.delete(principal.jti);
    await this.#db.query({
      text: `WITH old AS (DELETE FROM gateway.revoked_tokens WHERE expires_at < now() - interval '1 hour')
             INSERT INTO gateway.revoked_tokens VALUES ($1, to_timestamp($2::float8 / 1000)) ON CONFLICT DO NOTHING`,
      values: [principal.jti, principal.expiresAtMs],
    });
  }

  async #claims(token: string): Promise<Record<string, unknown> | null> {
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: [ALGORITHM], issuer: ISSUER, audience: AUDIENCE, clockTolerance: LEEWAY_SECONDS, currentDate: new Date(this.#clock.nowMs()),
        requiredClaims: ['sub', 'jti', 'exp', 'nbf'],
      });
      return payload;
    } catch {
      return null;
    }
  }

  async #isRevoked(jti: string): Promise<boolean> {
    const nowMs = this.#clock.nowMs();
    if ((this.#goodUntilMs.get(jti) ?? 0) > nowMs) return false;
    const rows = await selectRows(this.#db, 'SELECT 1 FROM gateway.revoked_tokens WHERE jti = $1', [jti]);
    if (rows.length > 0) return true;
    if (this.#goodUntilMs.size > 10_000) this.#goodUntilMs.clear();
    this.#goodUntilMs.set(jti, nowMs + REVOKED_CACHE_MS);
    return false;
  }
}
