import { randomBytes } from 'node:crypto';
import type { Clock } from '@dagbook/platform';
import { ApiError, unauthorized } from '../error/api-error.ts';
import { hashPassword, verifyPassword } from './password.ts';
import type { Principal, TokenDesk } from './token-desk.ts';

export interface User {
  readonly username: string;
  readonly role: Principal['role'];
  /** As `hashPassword` makes it. */
  readonly passwordHash: string;
}

const MAX_FAILURES = 10;
const FAILURE_WINDOW_MS = 60_000;
const LOGIN_CODE_MS = 15 * 60_000;

/**
 * Turns a password or a one-time code into a token. Ten failures of a name within a minute make that name wait; a code
 * is good once, for a quarter of an hour, in the process that made it.
 */
export class SignIn {
  readonly #users: ReadonlyMap<string, User>;
  readonly #tokens: TokenDesk;
  readonly #clock: Clock;
  readonly #failures = new Map<string, number[]>();
  readonly #codes = new Map<string, { readonly user: User; readonly expiresAtMs: number }>();
  #decoy: Promise<string> | undefined;

  constructor(options: { users: readonly User[]; tokens: TokenDesk; clock: Clock }) {
    this.#users = new Map(options.users.map((user) => [user.username, user]));
    this.#tokens = options.tokens;
    this.#clock = options.clock;
  }

  async withPassword(username: string, password: string, seconds?: number): Promise<string> {
    const nowMs = this.#clock.nowMs();
    const recent = (this.#failures.get(username) ?? []).filter((atMs) => atMs > nowMs - FAILURE_WINDOW_MS);
    if (recent.length >= MAX_FAILURES) throw new ApiError(429, 'Too many failed sign-ins of this user: wait a minute', { 'retry-after': '60' });
    const user = this.#users.get(username);
    // An unknown name takes as long as a wrong password.
    const isRight = await verifyPassword(password, user?.passwordHash ?? (await (this.#decoy ??= hashPassword(randomBytes(16).toString('hex')))));
    if (user === undefined || !isRight) {
      if (this.#failures.size > 1_000) this.#failures.clear();
      this.#failures.set(username, [...recent, nowMs]);
      throw unauthorized('Invalid credentials');
    }
    this.#failures.delete(username);
    return this.#tokens.issue(user.username, user.role, seconds);
  }

  /** For the link that `npm start` prints. */
  issueCode(username: string): string {
    const user = this.#users.get(username);
    if (user === undefined) throw new Error(`invariant: there is no user ${username}`);
    const code = randomBytes(24).toString('base64url');
    this.#codes.set(code, { user, expiresAtMs: this.#clock.nowMs() + LOGIN_CODE_MS });
    return code;
  }

  async withCode(code: string): Promise<string> {
    const known = this.#codes.get(code);
    this.#codes.delete(code);
    if (known === undefined || known.expiresAtMs < this.#clock.nowMs()) {
      throw unauthorized('This login link has been used or is too old: sign in with your password, or restart to get a new link');
    }
    return this.#tokens.issue(known.user.username, known.user.role);
  }
}
