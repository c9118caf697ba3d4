import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

/** What a local installation needs to keep secret; made once, kept beside the data, readable by its owner alone. */
export interface LocalSecrets {
  readonly adminPassword: string;
  /** Signs users' tokens. */
  readonly jwtSecret: string;
  /** Signs attempts' tokens. */
  readonly tokenSecret: string;
  /** What the gateway knows its workers by. */
  readonly workerSecret: string;
  /** What log-server knows its readers by. */
  readonly logSecret: string;
  /** Seal connections and variables. More of them, newest first, parted by commas: `dagbook secrets rotate` seals with the first. */
  readonly secretsKeys: string;
}

/** Reads `<folder>/secrets.json`, or makes it (mode 0600). The admin's password also lies alone in `admin-password`. */
export function localSecrets(folder: string): LocalSecrets {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'secrets.json');
  const made = { adminPassword: readablePassword(), jwtSecret: hex(), tokenSecret: hex(), workerSecret: hex(), logSecret: hex(), secretsKeys: hex() };
  const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<LocalSecrets>) : {};
  const secrets: LocalSecrets = { ...made, ...known };
  writePrivately(file, `${JSON.stringify(secrets, null, 2)}\n`);
  writePrivately(join(folder, 'admin-password'), `${secrets.adminPassword}\n`);
  return secrets;
}

/** Written whole or not at all, for its owner's eyes alone. */
export function writePrivately(file: string, content: string): void {
  if (existsSync(file) && readFileSync(file, 'utf8') === content) {
    chmodSync(file, 0o600);
    return;
  }
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, content, { mode: 0o600 });
  renameSync(draft, file);
}

const hex = (): string => randomBytes(32).toString('hex');

/** Four groups that a person can read off a screen: 80 bits. */
function readablePassword(): string {
  const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';
  const letters = Array.from(randomBytes(16), (byte) => alphabet[byte % alphabet.length]);
  return [0, 4, 8, 12].map((from) => letters.slice(from, from + 4).join('')).join('-');
}
