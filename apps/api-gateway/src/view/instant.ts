import { createHash } from 'node:crypto';

/** Epoch milliseconds as the wire has them. */
export const instant = (atMs: number): string => new Date(atMs).toISOString();
export const instantOrNull = (atMs: number | null): string | null => (atMs === null ? null : instant(atMs));

export const secondsBetween = (startMs: number | null, endMs: number | null): number | null => (startMs === null || endMs === null ? null : (endMs - startMs) / 1000);

/** A UUID (version 8) that is the same for the same name: ids that Airflow draws at random and Dagbook derives. */
export function nameUuid(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  const variant = ((Number.parseInt(hex[16] as string, 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
