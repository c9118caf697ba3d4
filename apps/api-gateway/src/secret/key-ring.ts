import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The text cannot be opened: its key is not in the ring, or it is not what was sealed. */
export class KeyRingError extends Error {
  readonly code: 'secrets.no_key' | 'secrets.damaged';
  constructor(code: KeyRingError['code'], message: string) {
    super(message);
    this.name = 'KeyRingError';
    this.code = code;
  }
}

/**
 * Seals texts with AES-256-GCM: the first key seals, every key opens. A sealed text is `v1.<key id>.<nonce, tag and
 * ciphertext in base64url>`, bound to the name it was sealed under, so that it opens under no other.
 */
export class KeyRing {
  readonly #keys: ReadonlyMap<string, Buffer>;
  /** Of the key that seals. */
  readonly newestKeyId: string;

  constructor(keys: readonly Buffer[]) {
    this.#keys = new Map(keys.map((key) => [createHash('sha256').update(key).digest('hex').slice(0, 8), key]));
    this.newestKeyId = [...this.#keys.keys()][0] as string;
  }

  seal(name: string, plain: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#keys.get(this.newestKeyId) as Buffer, nonce).setAAD(Buffer.from(name));
    const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
    return `v1.${this.newestKeyId}.${Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')}`;
  }

  open(name: string, sealed: string): string {
    const [version, keyId = '', content = ''] = sealed.split('.');
    const key = this.#keys.get(keyId);
    if (version !== 'v1' || key === undefined) throw new KeyRingError('secrets.no_key', `${name} was sealed with the key ${keyId}, which is not among DAGBOOK_SECRETS_KEYS: add it behind the first`);
    const bytes = Buffer.from(content, 'base64url');
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES }).setAAD(Buffer.from(name));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
    } catch {
      throw new KeyRingError('secrets.damaged', `What is stored for ${name} is not what was sealed: it was changed in the database, or belongs to another name`);
    }
  }
}

export const keyIdOf = (sealed: string): string => sealed.split('.')[1] ?? '';

/** `DAGBOOK_SECRETS_KEYS`: keys of 32 bytes in base64 or hexadecimal, parted by commas or lines, newest first. Fernet keys of Airflow are such. */
export function readKeyRing(text: string): KeyRing {
  const keys = text.split(/[\s,]+/).filter((word) => word !== '').map((word) => {
    const key = /^[\da-f]{64}$/i.test(word) ? Buffer.from(word, 'hex') : Buffer.from(word, 'base64');
    if (key.length !== KEY_BYTES || new Set(key).size < 8) throw new Error('holds a key that is not 32 random bytes in base64 or hexadecimal: make one with `openssl rand -hex 32`');
    return key;
  });
  if (keys.length === 0) throw new Error('holds no key: make one with `openssl rand -hex 32`');
  return new KeyRing(keys);
}
