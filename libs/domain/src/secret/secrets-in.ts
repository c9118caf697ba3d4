import type { Json } from '../json.ts';
import { isSensitiveName } from './sensitive-name.ts';

/** What of a connection (Airflow's fields) must not be shown: its password, and what stands in its extra under a sensitive name. */
export function secretsInConnection(fields: { readonly [field: string]: Json }): readonly string[] {
  const { password, extra } = fields;
  return [...textsIn(password ?? null), ...secretsUnderNames(typeof extra === 'string' ? (parsed(extra) ?? null) : (extra ?? null))];
}

/** A variable of a sensitive name is a secret whole, with each text that its JSON holds; of another only what JSON in it names so. */
export function secretsInVariable(key: string, value: string): readonly string[] {
  const json = parsed(value);
  return isSensitiveName(key) ? [value, ...(typeof json === 'object' ? textsIn(json) : [])] : secretsUnderNames(json ?? null);
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function secretsUnderNames(value: Json): readonly string[] {
  if (typeof value === 'string') {
    const nested = /^\s*[{[]/.test(value) ? parsed(value) : undefined;
    return nested === undefined ? [] : secretsUnderNames(nested);
  }
  if (value === null || typeof value !== 'object') return [];
  if (Array.isArray(value)) return value.flatMap(secretsUnderNames);
  return Object.entries(value).flatMap(([name, member]) => (isSensitiveName(name) ? [...textsIn(member as Json), ...secretsUnderNames(member as Json)] : secretsUnderNames(member as Json)));
}

/** Every text and number in it; true, false and null hide nothing. */
export function textsIn(value: Json): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number') return [String(value)];
  if (value === null || typeof value !== 'object') return [];
  return Object.values(value).flatMap((member) => textsIn(member as Json));
}

/** JSON with `***` in place of every value under a sensitive name, at any depth. */
export function withoutSecrets(value: Json): Json {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(withoutSecrets);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, isSensitiveName(name) && !isNothing(member as Json) ? HIDDEN : withoutSecrets(member as Json)]));
}

/** What stands in an answer for a secret that is there. */
export const HIDDEN = '***';

const isNothing = (value: Json): boolean => value === null || value === '';
