import { TaskFailure } from '@dagbook/sdk';

const SHOWN_CHARACTERS = 100;

/**
 * An operator's fields as they arrive: typed by the author's compiler, but results and params put into them are whatever
 * they are. Every reader refuses what does not fit with `bad_input`, which no retry mends, naming field, value and rule.
 */
export class Fields {
  readonly #operator: string;
  readonly #fields: { readonly [name: string]: unknown };

  constructor(operator: string, fields: { readonly [name: string]: unknown }) {
    this.#operator = operator;
    this.#fields = fields;
  }

  has(name: string): boolean {
    return this.#fields[name] !== undefined && this.#fields[name] !== null;
  }

  raw(name: string): unknown {
    return this.#fields[name];
  }

  text(name: string, rule = 'a text that is not empty'): string {
    const value = this.#fields[name];
    if (typeof value !== 'string' || value === '') this.refuse(name, value, rule);
    return this.#withoutNul(name, value);
  }

  /** Absent, null and undefined are all no value. */
  optionalText(name: string, rule?: string): string | undefined {
    return this.has(name) ? this.text(name, rule) : undefined;
  }

  number(name: string, fallback: number, bounds: { readonly min: number; readonly max: number }): number {
    if (!this.has(name)) return fallback;
    const value = this.#fields[name];
    if (typeof value !== 'number' || !(value >= bounds.min && value <= bounds.max)) this.refuse(name, value, `a number from ${bounds.min} to ${bounds.max}`);
    return value;
  }

  flag(name: string, fallback: boolean): boolean {
    if (!this.has(name)) return fallback;
    const value = this.#fields[name];
    if (typeof value !== 'boolean') this.refuse(name, value, 'true or false');
    return value;
  }

  oneOf<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    if (!this.has(name)) return fallback;
    const value = this.#fields[name];
    const chosen = choices.find((choice) => choice === value);
    if (chosen === undefined) this.refuse(name, value, `one of ${choices.join(', ')}`);
    return chosen;
  }

  /** One text, or a list of them; absent: none. */
  texts(name: string): readonly string[] {
    if (!this.has(name)) return [];
    const value = this.#fields[name];
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    return list.map((item, index) => {
      if (typeof item !== 'string' || item === '') this.refuse(Array.isArray(value) ? `${name}.${index}` : name, item, 'a text that is not empty');
      return this.#withoutNul(name, item);
    });
  }

  /** Names and values; a value that is no text is written as JSON, null and undefined are left out. */
  pairs(name: string): { readonly [name: string]: string } {
    if (!this.has(name)) return {};
    const value = this.#fields[name];
    if (typeof value !== 'object' || Array.isArray(value)) this.refuse(name, value, 'an object of names and values');
    const read: Record<string, string> = {};
    for (const [key, item] of Object.entries(value as object)) {
      if (item === undefined || item === null) continue;
      read[key] = this.#withoutNul(`${name}.${key}`, typeof item === 'object' ? JSON.stringify(item) : String(item));
    }
    return read;
  }

  environment(name: string): { readonly [name: string]: string } {
    const read = this.pairs(name);
    for (const key of Object.keys(read)) {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) this.refuse(`${name}.${key}`, key, 'named by letters, digits and _, not beginning with a digit');
    }
    return read;
  }

  /** `500ms`, `30s`, `5m`, `2h`, `1d`, in milliseconds. */
  durationMs(name: string, fallback: number): number {
    if (!this.has(name)) return fallback;
    const value = this.#fields[name];
    const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value) : null;
    if (match === null) this.refuse(name, value, "a duration such as '30s', '5m' or '2h'");
    return Math.round(Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]);
  }

  refuse(name: string, value: unknown, rule: string): never {
    if (value === undefined) throw new TaskFailure('bad_input', `${this.#operator}: ${name} is missing; give ${rule}`, { retry: false });
    const shown = (JSON.stringify(value) ?? typeof value).slice(0, SHOWN_CHARACTERS);
    throw new TaskFailure('bad_input', `${this.#operator}: ${name} is ${shown}, but must be ${rule}`, { retry: false });
  }

  #withoutNul(name: string, text: string): string {
    if (text.includes('\0')) this.refuse(name, text, 'a text without NUL characters');
    return text;
  }
}

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
