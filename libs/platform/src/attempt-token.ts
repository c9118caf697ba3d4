import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * An attempt's credential: HMAC-SHA-256 over attempt and epoch. The dispatcher signs it at the grant; the scheduler
 * checks it on every report, the gateway on every call of the execution API. It opens nothing but its own attempt, and
 * is worth nothing once the attempt's lease is gone, which both check.
 */
export function attemptToken(secret: string, attemptId: string, epoch: number): string {
  return createHmac('sha256', secret).update(`${attemptId}@${epoch}`).digest('base64url');
}

export function verifyAttemptToken(secret: string, attemptId: string, epoch: number, token: string): boolean {
  const wanted = Buffer.from(attemptToken(secret, attemptId, epoch));
  const given = Buffer.from(token);
  return wanted.length === given.length && timingSafeEqual(wanted, given);
}
