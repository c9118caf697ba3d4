/** One form of oracle rows: what a row asks, what Airflow answered, and what Dagbook answers to many of them. */
export interface OracleForm<Row> {
  ask(row: Row): unknown;
  expected(row: Row): unknown;
  /** In the order of the rows. A row that cannot be answered has an `Error` in its place. */
  answers(rows: readonly Row[]): Promise<readonly unknown[]>;
}

/** Answers rows one by one, each on its own: a row that throws spoils no other. */
export const oneByOne =
  <Row>(answer: (row: Row) => unknown): OracleForm<Row>['answers'] =>
  async (rows) =>
    rows.map((row) => {
      try {
        return answer(row);
      } catch (error) {
        return error instanceof Error ? error : new Error(String(error));
      }
    });
