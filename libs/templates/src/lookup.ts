/** JSON, as it comes in and is shown. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A value that only the caller can find. `render` asks for it and is called again with the answer. */
export type Lookup =
  | { readonly kind: 'variable'; readonly key: string }
  | { readonly kind: 'connection'; readonly connectionId: string }
  | {
      readonly kind: 'xcom';
      /** Absent: the task itself. */
      readonly taskId: string | undefined;
      readonly key: string;
      /** Absent: the run's own DAG. */
      readonly dagId: string | undefined;
      readonly runId: string | undefined;
      readonly mapIndexes: number | readonly number[] | undefined;
      readonly includePriorDates: boolean;
    }
  /** What a task keeps, or what is kept of an asset: of the task's only one where no URI is given. */
  | { readonly kind: 'state'; readonly of: 'task' | 'asset'; readonly uri: string | undefined; readonly key: string }
  /** A template file by its name, for `include`, `import` and `extends`. */
  | { readonly kind: 'template'; readonly name: string };

/**
 * The answer. Of a variable the text as stored, of a connection its fields (`conn_id conn_type host login password port
 * schema extra uri`), of an XCom or a state the value, of a template its source. `found: false` is an answer too.
 */
export type LookupAnswer = { readonly found: true; readonly value: Json } | { readonly found: false };

/** The same for lookups that ask the same. */
export const lookupKey = (lookup: Lookup): string => JSON.stringify(lookup, (_, value: unknown) => (value === undefined ? null : value));
