import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** What a reader shows to log-server. Derived, so that the secret itself never travels. */
export const readerToken = (secret: string): string => createHmac('sha256', secret).update('dagbook log reader').digest('base64url');

/** Checks an `Authorization` header in a time that says nothing about how much of it was right. */
export function mayRead(secret: string, authorization: string | undefined): boolean {
  const shown = authorization?.startsWith('Bearer ') === true ? authorization.slice('Bearer '.length) : '';
  return timingSafeEqual(digest(shown), digest(readerToken(secret)));
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
