import type { ConnectionTestAsk, ConnectionTestAnswer, ConnectionTestOutcome } from '@dagbook/contracts';
import type { Json } from '@dagbook/domain';
import { type AlarmClock, uuidv7 } from '@dagbook/platform';
import { type Queryable, selectRows } from '@dagbook/read-models';
import type { KeyRing } from './key-ring.ts';

const TAKEN_WITHIN_MS = 15_000;
const DONE_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 100;

interface Row {
  readonly takenBy: string | null;
  readonly passed: boolean | null;
  readonly message: string | null;
}

/**
 * Has workers test connections: whoever asks leaves a row, workers ask for rows and leave an outcome, and who asked takes it away. A
 * worker needs no inbound connection, and the gateway connects to nothing that a connection names.
 *
 * State: none here. A row whose asker died is deleted by the next.
 */
export class ConnectionTests {
  readonly #db: Queryable;
  readonly #keys: KeyRing | null;
  readonly #clock: AlarmClock;
  readonly #isEnabled: boolean;

  constructor(options: { readonly db: Queryable; readonly keys: KeyRing | null; readonly clock: AlarmClock; readonly isEnabled: boolean }) {
    this.#db = options.db;
    this.#keys = options.keys;
    this.#clock = options.clock;
    this.#isEnabled = options.isEnabled;
  }

  /** null: tests are off, or nothing can be sealed. Resolves within a minute, however the workers are. */
  async run(fields: { readonly [field: string]: Json }, queue: string): Promise<ConnectionTestOutcome | null> {
    if (!this.#isEnabled || this.#keys === null) return null;
    const testId = uuidv7();
    await selectRows(this.#db, "DELETE FROM connection_tests WHERE created_at < clock_timestamp() - interval '5 minutes'");
    await selectRows(this.#db, 'INSERT INTO connection_tests (test_id, queue, sealed) VALUES ($1, $2, $3)', [testId, queue, this.#keys.seal(testId, JSON.stringify(fields))]);
    try {
      return await this.#outcome(testId, queue);
    } finally {
      await selectRows(this.#db, 'DELETE FROM connection_tests WHERE test_id = $1', [testId]);
    }
  }

  /** A worker tells the outcome of what it was given, and is given the next. */
  async next({ worker, queues, done }: ConnectionTestAsk): Promise<ConnectionTestAnswer> {
    if (!this.#isEnabled || this.#keys === null) return { enabled: false };
    if (done !== undefined) {
      await selectRows(this.#db, 'UPDATE connection_tests SET passed = $3, message = $4 WHERE test_id = $1 AND taken_by = $2 AND passed IS NULL', [done.testId, worker, done.status, done.message]);
    }
    const [taken] = await selectRows<{ testId: string; sealed: string }>(
      this.#db,
      `UPDATE connection_tests SET taken_by = $1
       WHERE test_id = (SELECT test_id FROM connection_tests WHERE taken_by IS NULL AND queue = ANY ($2::text[]) ORDER BY test_id LIMIT 1 FOR UPDATE SKIP LOCKED)
       RETURNING test_id AS "testId", sealed`,
      [worker, [...queues]],
    );
    if (taken === undefined) return { enabled: true };
    return { enabled: true, test: { testId: taken.testId, connection: JSON.parse(this.#keys.open(taken.testId, taken.sealed)) as { readonly [field: string]: Json } } };
  }

  async #outcome(testId: string, queue: string): Promise<ConnectionTestOutcome> {
    const beganAtMs = this.#clock.nowMs();
    for (;;) {
      const [row] = await selectRows<Row>(this.#db, 'SELECT taken_by AS "takenBy", passed, message FROM connection_tests WHERE test_id = $1', [testId]);
      if (typeof row?.passed === 'boolean') return { status: row.passed, message: row.message ?? '' };
      const waitedMs = this.#clock.nowMs() - beganAtMs;
      if ((row?.takenBy ?? null) === null && waitedMs > TAKEN_WITHIN_MS) return { status: false, message: `No worker of the queue '${queue}' took the test within ${TAKEN_WITHIN_MS / 1000} s.` };
      if (waitedMs > DONE_WITHIN_MS) return { status: false, message: `The worker ${row?.takenBy ?? ''} did not finish the test within ${DONE_WITHIN_MS / 1000} s.` };
      await new Promise<void>((resolve) => void this.#clock.alarm(this.#clock.nowMs() + LOOK_EVERY_MS, resolve));
    }
  }
}
