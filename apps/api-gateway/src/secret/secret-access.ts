import type { Rejected } from '@dagbook/domain';
import type { Principal } from '../auth/token-desk.ts';
import { ApiError, forbidden } from '../error/api-error.ts';
import { KeyRingError } from './key-ring.ts';

/** As in Airflow, connections and variables are for operators and administrators, to read as well. */
export function requireOperator({ role }: Principal): void {
  if (role === 'viewer') throw forbidden('Connections and variables are not for viewers');
}

const STATUS: Readonly<Record<string, number>> = { exists: 409, changed: 409, not_found: 404, no_keys: 503 };

/** A refusal of the store or of what a connection may be. */
export const refused = ({ code, message }: Rejected): ApiError => new ApiError(STATUS[code] ?? 422, message);

export function requireDone(rejection: Rejected | null): void {
  if (rejection !== null) throw refused(rejection);
}

/** What is there and cannot be opened is the installation's fault, and says so. */
export async function opened<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof KeyRingError) throw new ApiError(500, error.message);
    throw error;
  }
}

/** What nobody can open any more may be set anew: then it is as if nothing were there. */
export async function unlessUnreadable<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof KeyRingError) return null;
    throw error;
  }
}

/** Of a PATCH: which of these fields the request changes. `update_mask` names them; without one, those that it has. */
export function maskedFields<Body extends object>(body: Body, mask: readonly string[] | undefined): Partial<Body> {
  const names = mask ?? Object.keys(body).filter((name) => (body as Record<string, unknown>)[name] !== undefined);
  const unknown = names.find((name) => !(name in body));
  if (unknown !== undefined) throw new ApiError(400, `update_mask names ${unknown}, which the body does not have`);
  return Object.fromEntries(names.map((name) => [name, (body as Record<string, unknown>)[name]])) as Partial<Body>;
}

export const matchesPattern = (text: string, pattern: string | undefined): boolean => {
  if (pattern === undefined || pattern === '') return true;
  const expression = pattern.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&').replaceAll('%', '.*').replaceAll('_', '.');
  return new RegExp(expression, 'is').test(text);
};
