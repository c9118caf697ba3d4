import { readFileSync } from 'node:fs';

/**
 * Settings come from `DAGBOOK_<SECTION>_<KEY>`, a secret also from the file that `…_FILE` names (Docker secrets). All
 * of a service's settings are read once, at start; everything that is wrong is said at once.
 */
export type Setting<T> = {
  readonly env: string;
  /** Shown in errors and in `--help`. */
  readonly says: string;
  readonly parse: (text: string) => T;
  /** Absent: the setting is required. */
  readonly fallback?: T;
  readonly secret?: boolean;
};

export type Settings<Spec extends Record<string, Setting<unknown>>> = {
  readonly [K in keyof Spec]: Spec[K] extends Setting<infer T> ? T : never;
};

export class ConfigError extends Error {
  readonly code = 'config.invalid';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`the configuration does not hold:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

export function readSettings<Spec extends Record<string, Setting<unknown>>>(
  spec: Spec,
  env: Readonly<Record<string, string | undefined>>,
): Settings<Spec> {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(spec)) {
    try {
      const text = settingText(setting, env);
      if (text === undefined) {
        if (!('fallback' in setting)) throw new Error(`is not set: ${setting.says}`);
        values[name] = setting.fallback;
      } else {
        values[name] = setting.parse(text);
      }
    } catch (error) {
      problems.push(`${setting.env} ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return values as Settings<Spec>;
}

function settingText(setting: Setting<unknown>, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const direct = env[setting.env];
  if (direct !== undefined && direct !== '') return direct;
  const file = setting.secret === true ? env[`${setting.env}_FILE`] : undefined;
  if (file === undefined || file === '') return undefined;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new Error(`cannot be read from ${setting.env}_FILE=${file}: ${(error as NodeJS.ErrnoException).code ?? 'unreadable'}`, { cause: error });
  }
}

export const text = (value: string): string => value;

export const integer =
  (min: number, max: number) =>
  (value: string): number => {
    const number = Number(value);
    if (!Number.isInteger(number) || number < min || number > max) {
      throw new Error(`is "${value}", but must be a whole number from ${min} to ${max}`);
    }
    return number;
  };

export const list = (value: string): readonly string[] =>
  value.split(',').map((item) => item.trim()).filter((item) => item !== '');

/** `name=4,other=8`: pools and their slots. */
export const pools = (value: string): readonly { readonly pool: string; readonly slots: number; readonly includeDeferred: boolean }[] =>
  list(value).map((item) => {
    const match = /^([A-Za-z0-9_.-]{1,250})=(\d{1,6})$/.exec(item);
    if (match === null) throw new Error(`holds "${item}", but each pool must be name=slots, for example docker=4`);
    return { pool: match[1] as string, slots: Number(match[2]), includeDeferred: false };
  });

/** Names of hosts; a worker's slot is one with `-<number>`, so none may be what another's slots begin with. */
export const hosts = (value: string): readonly string[] => {
  const names = list(value);
  for (const name of names) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,100}$/.test(name)) throw new Error(`holds "${name}", but each must be a host's name, for example s21`);
    const longer = names.find((other) => other.startsWith(`${name}-`));
    if (longer !== undefined) throw new Error(`holds "${name}" and "${longer}", but workers of ${name} could take slots of the other: give one another DAGBOOK_WORKER_HOST`);
  }
  return names;
};

/** Refuses what nobody should run with: an empty secret, a short one, one from an example. */
export const secret = (value: string): string => {
  if (value.length < 16) throw new Error('is shorter than 16 characters: make one with `openssl rand -hex 32`');
  if (/^(change.?me|secret|password|default)/i.test(value)) throw new Error('still has its example value: make one with `openssl rand -hex 32`');
  return value;
};

/** Of a person: refuses what is guessed first. */
export const password = (value: string): string => {
  if (value.length < 8) throw new Error('is shorter than 8 characters');
  if (/^(admin|airflow|dagbook|change.?me|secret|password|default)*[\d!]*$/i.test(value)) throw new Error('is among the first that anybody tries: choose another');
  return value;
};

/** A certificate and its key in one PEM. */
export const keyAndCertificate = (value: string): string => {
  if (!value.includes('-----BEGIN CERTIFICATE-----') || !/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(value)) throw new Error('must be a PEM with a certificate and its private key');
  return value;
};

export const oneOf =
  <const T extends string>(...allowed: readonly T[]) =>
  (value: string): T => {
    const found = allowed.find((item) => item === value);
    if (found === undefined) throw new Error(`is "${value}", but must be one of ${allowed.join(', ')}`);
    return found;
  };
