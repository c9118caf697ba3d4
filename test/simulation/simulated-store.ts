import { StoreFault, type EventStore, type LeaseStore, type OwnershipSession, type OwnershipStore, type Stores } from '@dagbook/event-store';
import type { Chance } from './chance.ts';
import type { Actor, VirtualTime } from './virtual-time.ts';
import type { Weather } from './weather.ts';
import type { Witness } from './witness.ts';

interface StoreConditions {
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly weather: Weather;
  readonly witness: Witness;
  readonly trace: (actor: Actor, line: string) => void;
}

/**
 * The database as one process sees it: every call takes time, in which anything may happen to the process, may be
 * refused, may be carried out and then reported as failed, and may be the last thing that the process does.
 */
class Link {
  readonly #actor: Actor;
  readonly #conditions: StoreConditions;

  constructor(actor: Actor, conditions: StoreConditions) {
    this.#actor = actor;
    this.#conditions = conditions;
  }

  async call<T>(name: string, carryOut: () => Promise<T>): Promise<T> {
    const { chance, weather } = this.#conditions;
    await this.#pass();
    if (this.#stormy(weather.refusal)) throw this.#fault(name, 'store.unavailable');
    if (this.#dies(name, 'before')) return never();
    const answer = await carryOut();
    if (this.#dies(name, 'after')) return never();
    if (this.#stormy(weather.ambiguity)) throw this.#fault(name, 'store.ambiguous');
    if (chance.happens(0.5)) await this.#pass();
    return answer;
  }

  /** Without crash or refusal: what is asked hundreds of times. */
  async quietly<T>(carryOut: () => Promise<T>): Promise<T> {
    return this.#actor.isAlive ? carryOut() : never();
  }

  #pass(): Promise<void> {
    if (!this.#actor.isAlive) return never();
    return this.#conditions.time.pause(this.#actor, this.#conditions.chance.below(4));
  }

  #stormy(probability: number): boolean {
    const { time, chance, weather } = this.#conditions;
    return time.nowMs < weather.calmFromMs && chance.happens(probability);
  }

  #dies(name: string, when: string): boolean {
    if (!this.#stormy(this.#conditions.weather.crash)) return false;
    this.#conditions.trace(this.#actor, `crashes ${when} ${name}`);
    this.#actor.die();
    return true;
  }

  #fault(name: string, code: StoreFault['code']): StoreFault {
    this.#conditions.trace(this.#actor, `${name}: ${code}`);
    return new StoreFault(code, `simulated at ${name}`, { retryable: true });
  }
}

export const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

/** Sees every append at the moment it is one, before whoever asked for it hears of it. */
export function witnessedEvents(events: EventStore, witness: Witness, trace: (line: string) => void): EventStore {
  return delegate(events, {
    append: async (entries) => {
      const results = await events.append(entries);
      for (const [index, { streamId, expectedVersion, events: written }] of entries.entries()) {
        const result = results[index]?.kind;
        if (result === 'appended' && written.length === 0) continue;
        trace(`${streamId}@${expectedVersion} ${result}: ${written.map(({ type, data }) => `${type}${summaryOf(data as Summarised)}`).join(', ')}`);
      }
      witness.appended(entries, results);
      return results;
    },
  });
}

interface Summarised { readonly taskId?: string; readonly mapIndex?: number; readonly tryNumber?: number; readonly epoch?: number }
const summaryOf = ({ taskId, mapIndex = -1, tryNumber, epoch }: Summarised): string =>
  `${taskId === undefined ? '' : ` ${taskId}`}${mapIndex < 0 ? '' : `[${mapIndex}]`}${tryNumber === undefined ? '' : ` #${tryNumber}`}${epoch === undefined ? '' : `@${epoch}`}`;

/** Another object with the same methods, some of them told otherwise. */
export function delegate<T extends object>(to: T, otherwise: Partial<T>): T {
  return new Proxy(to, {
    get: (target, name) => {
      const own = (otherwise as { [key: PropertyKey]: unknown })[name];
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Every method of it by way of the link. */
function linked<T extends object>(to: T, link: Link, quiet: readonly (keyof T)[] = []): T {
  return new Proxy(to, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const call = (...args: readonly unknown[]): Promise<unknown> => value.apply(target, args) as Promise<unknown>;
      return (...args: readonly unknown[]) => (quiet.includes(name as keyof T) ? link.quietly(() => call(...args)) : link.call(String(name), () => call(...args)));
    },
  });
}

/** The stores as one process sees them. Its sessions end with it, and may end before. */
export function linkedStores(stores: Stores, actor: Actor, conditions: StoreConditions): Stores {
  const link = new Link(actor, conditions);
  return {
    events: linked<EventStore>(stores.events, link, ['pendingCommands', 'putContent', 'getContent', 'loadSnapshot', 'saveSnapshot']),
    leases: linked<LeaseStore>(stores.leases, link),
    checkpoints: stores.checkpoints,
    bundles: stores.bundles,
    ownership: { openSession: () => link.call('openSession', () => openSession(stores.ownership, actor, conditions)) },
    close: () => Promise.resolve(),
  };
}

async function openSession(ownership: OwnershipStore, actor: Actor, conditions: StoreConditions): Promise<OwnershipSession> {
  const { time, chance, weather, trace } = conditions;
  const session = await ownership.openSession();
  // The database, which ends it, lives on when the process does not.
  actor.onDeath(() => void session.close());
  if (weather.sessionLossEveryMs > 0) {
    time.after(actor, chance.below(2 * weather.sessionLossEveryMs), () => {
      if (time.nowMs >= weather.calmFromMs) return;
      trace(actor, 'loses its database session');
      void session.close();
    });
  }
  return session;
}
