/** One form of oracle rows: what a row asks, what Airflow answered, and what Dagbook answers. */
export interface OracleForm<Row> {
  readonly ask: (row: Row) => unknown;
  readonly expected: (row: Row) => unknown;
  /** May be asynchronous: some forms run the real thing. */
  readonly answer: (row: Row) => unknown;
}
