import type { FailedDelivery, MessageAttempts } from './port.ts';

/** What is needed of a `pg` pool. */
interface Database {
  query(text: string, values: unknown[]): Promise<{ rows: unknown[] }>;
}

/** Failures in the table `message_attempts`, so that a message that kills its process does not begin at one each time. */
export class PostgresMessageAttempts implements MessageAttempts {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async recordFailure({ group, topic, messageId, reason }: FailedDelivery): Promise<number> {
    const { rows } = await this.#database.query(
      `INSERT INTO message_attempts (consumer, message_id, tries, last_error, last_try_ms) VALUES ($1, $2, 1, $3, clock_ms())
       ON CONFLICT (consumer, message_id)
       DO UPDATE SET tries = message_attempts.tries + 1, last_error = excluded.last_error, last_try_ms = excluded.last_try_ms
       RETURNING tries`,
      [`${group} ${topic}`, messageId, reason.slice(0, 4_000)],
    );
    return (rows[0] as { tries: number }).tries;
  }

  async forget({ group, topic, messageId }: FailedDelivery): Promise<void> {
    await this.#database.query('DELETE FROM message_attempts WHERE consumer = $1 AND message_id = $2', [`${group} ${topic}`, messageId]);
  }
}
