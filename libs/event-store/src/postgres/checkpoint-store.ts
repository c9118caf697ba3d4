import type pg from 'pg';
import { advanceCheckpoint, loadCheckpoint } from '../checkpoint.ts';
import type { CheckpointStore, Position } from '../port.ts';
import { retrying } from './connection.ts';

export class PostgresCheckpointStore implements CheckpointStore {
  readonly #pool: pg.Pool;
  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  load(name: string): Promise<Position> {
    return retrying('load a checkpoint', () => loadCheckpoint(this.#pool, name));
  }

  /** After a lost answer this may say false of a move that was made: the reader then loads where it stands. */
  advance(name: string, from: Position, to: Position): Promise<boolean> {
    return retrying('move a checkpoint', () => advanceCheckpoint(this.#pool, name, from, to));
  }
}
