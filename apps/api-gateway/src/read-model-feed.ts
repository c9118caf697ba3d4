import { ProjectionRunner, type OwnershipSession, type Position, type Projection, type PostgresStores } from '@dagbook/event-store';
import { errorAttributes, WakeableLoop, type AlarmClock, type Log, type Loop } from '@dagbook/platform';
import { ReadModelProjection, type Change, type PlanCache } from '@dagbook/read-models';
import type pg from 'pg';

const LOCK = 'dagbook.read-models';
const PROJECTION = 'read-models';
/**
 * While events pour in, batches are let grow: a task instance is then written once for several of its events, and the
 * round, which takes both cores of a small machine for some milliseconds, meets fewer hops between tasks. A round that
 * took long, for there was much to fold or no processor to spare, makes way for the tasks themselves: at most a fifth of
 * the time goes into rows that somebody may look at, until these are half a second old. Who waits for a row is served at once.
 */
const busyDelayMs = (events: number, tookMs: number): number => Math.max(Math.min(100, 20 + events / 2), Math.min(500, 4 * tookMs));
const IDLE_DELAY_MS = 100;
const KEEP_CHANGES = '10 minutes';
const SWEEP_EVERY_MS = 60_000;

interface Waiter {
  readonly position: Position;
  readonly arrived: () => void;
}

/**
 * Keeps the read models up to date and tells what changed.
 *
 * State: standing by until it holds the projector's lock, then projecting until its session is lost. One gateway of all
 * projects; it leaves a row in `gateway.changes` in the transaction of each batch, and those who stand by follow these
 * rows. `position` is how far the rows that anybody reads have come, as far as this gateway knows.
 */
export class ReadModelFeed implements Loop {
  readonly #stores: PostgresStores;
  readonly #plans: PlanCache;
  readonly #clock: AlarmClock;
  readonly #log: Log;
  readonly #loop: WakeableLoop;
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #waiters = new Set<Waiter>();
  #session: OwnershipSession | undefined;
  /** There while this gateway holds the projector's lock. */
  #runner: ProjectionRunner<Change | null> | undefined;
  #position: Position | undefined;
  #delayMs = 0;
  #quietUntilMs = 0;
  /** Woken during a round; one that found events looks again after its pause, any other at once. */
  #missedWake = false;
  #inRound = false;
  #cancelAlarm: () => void = () => undefined;
  #sweptAtMs = 0;
  #failure: string | undefined = 'has not read the feed yet';

  constructor(options: { stores: PostgresStores; plans: PlanCache; clock: AlarmClock; log: Log }) {
    this.#stores = options.stores;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#plans = options.plans;
    this.#loop = new WakeableLoop({
      round: () => this.#round(),
      intervalMs: 1_000,
      onError: (error) => {
        this.#failure = 'the last round failed';
        options.log.warn('the read models wait', errorAttributes(error));
      },
    });
  }

  /** undefined: the read models keep up. */
  get failure(): string | undefined {
    return this.#failure;
  }

  get position(): Position | undefined {
    return this.#position;
  }

  start(): void {
    this.#loop.start();
  }

  /** Something was appended: look now, or when the pause after a busy round is over. */
  wake(): void {
    if (this.#waiters.size === 0) {
      if (this.#clock.nowMs() < this.#quietUntilMs) return;
      if (this.#inRound) {
        this.#missedWake = true;
        return;
      }
    }
    this.#delayMs = 0;
    this.#loop.wake();
  }

  runOnce(): Promise<void> {
    return this.#loop.runOnce();
  }

  async stop(deadlineMs?: number): Promise<void> {
    this.#cancelAlarm();
    await this.#loop.stop(deadlineMs);
    this.#cancelAlarm();
    this.#runner = undefined;
    await this.#session?.close();
    this.#session = undefined;
  }

  /** Called after each committed batch. Answers how to stop it. */
  onChange(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** True once queries see what was appended up to `position`; false when that takes longer. */
  async reached(position: Position, timeoutMs: number): Promise<boolean> {
    if (this.#position !== undefined && comparePositions(this.#position, position) >= 0) return true;
    return new Promise<boolean>((resolve) => {
      const waiter: Waiter = {
        position,
        arrived: () => {
          cancel();
          this.#waiters.delete(waiter);
          resolve(true);
        },
      };
      const cancel = this.#clock.alarm(this.#clock.nowMs() + timeoutMs, () => {
        this.#waiters.delete(waiter);
        resolve(false);
      });
      this.#waiters.add(waiter);
      this.wake();
    });
  }

  async #round(): Promise<void> {
    this.#cancelAlarm();
    const beganAtMs = this.#clock.nowMs();
    const moved = await this.#move();
    this.#failure = undefined;
    if (moved > 0) {
      this.#delayMs = busyDelayMs(moved, this.#clock.nowMs() - beganAtMs);
      this.#quietUntilMs = this.#clock.nowMs() + this.#delayMs;
    } else this.#delayMs = this.#missedWake ? 0 : Math.min(IDLE_DELAY_MS, Math.max(2, this.#delayMs * 1.5));
    const delayMs = this.#waiters.size > 0 ? 2 : this.#delayMs;
    this.#cancelAlarm = this.#clock.alarm(this.#clock.nowMs() + delayMs, () => this.#loop.wake());
  }

  async #move(): Promise<number> {
    this.#missedWake = false;
    this.#inRound = true;
    try {
      const runner = await this.#own();
      return runner === null ? await this.#follow() : await this.#project(runner);
    } finally {
      this.#inRound = false;
    }
  }

  /** The runner while the lock is ours; null: another gateway projects. What a lost session knew is forgotten with it. */
  async #own(): Promise<ProjectionRunner<Change | null> | null> {
    if (this.#runner !== undefined) return this.#runner;
    if (this.#session === undefined) {
      const session = await this.#stores.ownership.openSession();
      this.#session = session;
      void session.lost.then(() => {
        if (this.#session !== session) return;
        this.#session = undefined;
        this.#runner = undefined;
        this.#position = undefined;
      });
    }
    if (!(await this.#session.tryAcquire(LOCK))) return null;
    this.#log.info('keeps the read models');
    return (this.#runner = this.#newRunner());
  }

  #newRunner(): ProjectionRunner<Change | null> {
    const rows = new ReadModelProjection({
      plans: this.#plans,
      onStopped: (stopped) => this.#log.error('a stream does not go on where it stood: its rows stay as they are', stopped),
    });
    const projection: Projection<Change | null> = {
      name: PROJECTION,
      apply: async (events, db) => {
        // A reader must not see rows that a crash of the database takes back: one flush a batch is cheap.
        await db.query('SET LOCAL synchronous_commit = on');
        const change = await rows.apply(events, db);
        if (change !== null) await recordChange(db, change);
        return change;
      },
      committed: () => rows.committed(),
      reset: () => rows.reset(),
    };
    return new ProjectionRunner({ pool: this.#stores.pool, events: this.#stores.events, projection });
  }

  async #project(runner: ProjectionRunner<Change | null>): Promise<number> {
    const round = await runner.runOnce();
    this.#advance(round.position);
    if (round.change !== null) for (const listener of this.#listeners) listener(round.change);
    if (this.#clock.nowMs() - this.#sweptAtMs > SWEEP_EVERY_MS) {
      this.#sweptAtMs = this.#clock.nowMs();
      await this.#stores.pool.query(`DELETE FROM gateway.changes WHERE at < now() - interval '${KEEP_CHANGES}'`);
    }
    return round.events;
  }

  async #follow(): Promise<number> {
    const from = this.#position;
    if (from === undefined) {
      const { rows } = await this.#stores.pool.query<Position>('SELECT xid::text, pos::text FROM projection_checkpoints WHERE name = $1', [PROJECTION]);
      if (rows[0] !== undefined) this.#advance(rows[0]);
      return 0;
    }
    const { rows } = await this.#stores.pool.query<{ change: Change }>(
      'SELECT change FROM gateway.changes WHERE (xid, pos) > ($1::bigint, $2::bigint) ORDER BY xid, pos LIMIT 1000',
      [from.xid, from.pos],
    );
    for (const { change } of rows) {
      this.#advance(change.position);
      for (const listener of this.#listeners) listener(change);
    }
    return rows.length;
  }

  #advance(position: Position): void {
    this.#position = position;
    for (const waiter of this.#waiters) if (comparePositions(position, waiter.position) >= 0) waiter.arrived();
  }
}

async function recordChange(db: pg.PoolClient, change: Change): Promise<void> {
  await db.query('INSERT INTO gateway.changes (xid, pos, change) VALUES ($1::bigint, $2::bigint, $3) ON CONFLICT DO NOTHING', [
    change.position.xid, change.position.pos, JSON.stringify(change),
  ]);
}

export function comparePositions(a: Position, b: Position): number {
  const [left, right] = a.xid === b.xid ? [BigInt(a.pos), BigInt(b.pos)] : [BigInt(a.xid), BigInt(b.xid)];
  return left < right ? -1 : left > right ? 1 : 0;
}

