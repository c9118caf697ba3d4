import type { StandardSchemaV1 } from '@standard-schema/spec';
import { declareOperator, declareSensor } from '../operator.ts';
import type { Duration, In, InJson, Json, Operator, SensorOperator } from '../types.ts';

export interface SqlOptions {
  /** A Postgres connection. Default `postgres_default`. */
  connection?: string;
  /** Values stand in it as `$1`, `$2` …; without values it may hold several statements. */
  sql: In<string>;
  values?: readonly InJson[];
  /** Default: one transaction around all of it. */
  autocommit?: boolean;
}

/** Rows of the last statement, as objects; more than `maxRows` (default 10,000) fail the task. */
export function sql<O = { [column: string]: Json }>(o: SqlOptions & { fetch: 'rows'; maxRows?: number; output?: StandardSchemaV1<unknown, O[]> }): Operator<{}, O[]>;
/** The first row of the last statement, null without one. */
export function sql<O = { [column: string]: Json }>(o: SqlOptions & { fetch: 'first'; output?: StandardSchemaV1<unknown, O | null> }): Operator<{}, O | null>;
/** Statements for their effect; the result counts the rows that the last one touched. */
export function sql(o: SqlOptions & { fetch?: 'none' }): Operator<{}, { rowCount: number }>;
export function sql(o: object): Operator<{}, never> {
  return declareOperator<never>('sql', { ...o });
}

/** Fails unless the query answers a row in which every value is true, not 0, not empty and not null. */
export function sqlCheck(o: SqlOptions): Operator<{}, { [column: string]: Json }> {
  return declareOperator('sqlCheck', { ...o });
}

/** Waits until the query answers a row whose first value is true, not 0, not empty and not null. */
export function sqlSensor(o: SqlOptions): SensorOperator<{}, { [column: string]: Json }> {
  return declareSensor('sqlSensor', { ...o });
}

export interface HttpOptions<O> {
  /** A whole URL, or a path below the connection's host. */
  url: In<string>;
  /** Its host is put before the path; login and password become Basic authorization, or, without login, a bearer token. */
  connection?: string;
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';
  query?: Record<string, In<string | number | boolean | null>>;
  headers?: Record<string, In<string>>;
  /** A text is sent as it is, anything else as JSON. */
  body?: InJson;
  /** Until the whole answer is there. Default `60s`. */
  within?: Duration;
  /** Statuses that are no failure. Default: 200 to 299. */
  expect?: number | readonly number[];
  output?: StandardSchemaV1<unknown, O>;
}

/** One request. The answer's body is the result, read as JSON when it says that it is. */
export function http<O = unknown>(o: HttpOptions<O>): Operator<{}, O> {
  return declareOperator<O>('http', { ...o });
}
