import type { CommandOutcome } from '@dagbook/contracts';
import type { EventStore } from '@dagbook/event-store';
import type { AlarmClock } from '@dagbook/platform';

/** A command's owner answers within a commit or two; who has waited for longer waits for something slower. */
const EAGER_MS = 60;
const EAGER_EVERY_MS = 3;
const PATIENT_EVERY_MS = 30;

interface Waiter {
  readonly commandId: string;
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly arrived: (outcome: CommandOutcome | null) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Waits for outcomes of commands: all that wait are asked for by one query, however many clients there are.
 *
 * State: who waits. While anybody does, looks follow one another; a look answers those who have an outcome and those whose
 * time is over, and one that fails answers everybody.
 */
export class OutcomeWatch {
  readonly #store: Pick<EventStore, 'commandOutcomes'>;
  readonly #clock: AlarmClock;
  readonly #waiters = new Set<Waiter>();
  #isWatching = false;

  constructor(store: Pick<EventStore, 'commandOutcomes'>, clock: AlarmClock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** null: none within that time. Rejects with what the store throws. */
  outcomeOf(commandId: string, withinMs: number): Promise<CommandOutcome | null> {
    return new Promise((arrived, failed) => {
      const nowMs = this.#clock.nowMs();
      this.#waiters.add({ commandId, sinceMs: nowMs, untilMs: nowMs + withinMs, arrived, failed });
      if (!this.#isWatching) void this.#watch();
    });
  }

  async #watch(): Promise<void> {
    this.#isWatching = true;
    while (this.#waiters.size > 0) {
      const nowMs = this.#clock.nowMs();
      const isEager = [...this.#waiters].some((waiter) => nowMs - waiter.sinceMs < EAGER_MS);
      await new Promise<void>((resolve) => void this.#clock.alarm(nowMs + (isEager ? EAGER_EVERY_MS : PATIENT_EVERY_MS), resolve));
      await this.#look().catch((error: unknown) => {
        for (const waiter of this.#waiters) waiter.failed(error);
        this.#waiters.clear();
      });
    }
    this.#isWatching = false;
  }

  async #look(): Promise<void> {
    const outcomes = await this.#store.commandOutcomes([...this.#waiters].map((waiter) => waiter.commandId));
    const nowMs = this.#clock.nowMs();
    for (const waiter of this.#waiters) {
      const outcome = outcomes.get(waiter.commandId) as unknown as CommandOutcome | undefined;
      if (outcome === undefined && nowMs < waiter.untilMs) continue;
      this.#waiters.delete(waiter);
      waiter.arrived(outcome ?? null);
    }
  }
}
