/** An instant or a number that a column is compared with. */
export interface Range<Field extends string> {
  readonly field: Field;
  readonly comparison: '>=' | '>' | '<=' | '<';
  readonly value: number;
}

export interface Order<Field extends string> {
  readonly field: Field;
  readonly descending: boolean;
}

export interface Page {
  readonly limit: number;
  readonly offset: number;
}

export interface Listed<Row> {
  readonly rows: readonly Row[];
  readonly total: number;
}

/** Conditions of a WHERE clause with their values; `?` stands for the value. */
export class Conditions {
  readonly #parts: string[] = [];
  readonly values: unknown[] = [];

  add(sql: string, value: unknown): this {
    this.values.push(value);
    this.#parts.push(sql.replaceAll('?', `$${this.values.length}`));
    return this;
  }

  addIf(sql: string, value: unknown): this {
    return value === undefined ? this : this.add(sql, value);
  }

  /** Airflow's patterns: LIKE with `%` and `_`, alternatives parted by ` | `; `~` stands for no condition. */
  pattern(column: string, pattern: string | undefined): this {
    if (pattern === undefined || pattern === '~') return this;
    const alternatives = pattern.split(' | ').map((part) => part.trim()).filter((part) => part !== '');
    return alternatives.length === 0 ? this : this.add(`${column} LIKE ANY (?::text[])`, alternatives.map((part) => (/[%_]/.test(part) ? part : `%${part}%`)));
  }

  ranges<Field extends string>(ranges: readonly Range<Field>[] | undefined, columnOf: Readonly<Record<Field, string>>): this {
    for (const range of ranges ?? []) this.add(`${columnOf[range.field]} ${range.comparison} ?`, range.value);
    return this;
  }

  get isEmpty(): boolean {
    return this.#parts.length === 0;
  }

  get where(): string {
    return this.#parts.length === 0 ? '' : `WHERE ${this.#parts.join(' AND ')}`;
  }

  /** A placeholder for a value that stands outside the clause. */
  bind(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/** `tieBreak` makes every order total, so that pages neither repeat nor skip rows. */
export function orderBy<Field extends string>(order: readonly Order<Field>[], columnOf: Readonly<Record<Field, string>>, tieBreak: string): string {
  const keys = order.map(({ field, descending }) => `${columnOf[field]} ${descending ? 'DESC NULLS LAST' : 'ASC'}`);
  return `ORDER BY ${[...keys, tieBreak].join(', ')}`;
}
