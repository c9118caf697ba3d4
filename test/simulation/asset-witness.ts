import type { Json, RunEvent } from '@dagbook/domain';
import type { NewEvent } from '@dagbook/event-store';
import type { WatchedAsset } from './scenario.ts';

type Fail = (rule: string, what: string) => void;
interface Update { readonly extra?: Json }

/**
 * Sees that all that lies before a watcher is recorded, in its order and once, and makes one run of each DAG that waits for it. It knows what
 * there is to see, and nothing of who looks.
 */
export class AssetWitness {
  readonly #watched: WatchedAsset | undefined;
  readonly #fail: Fail;
  /** By the update's id: the event. */
  readonly #recorded = new Map<string, string>();
  /** By DAG: what was recorded before it began to wait. */
  readonly #before = new Map<string, ReadonlySet<string>>();
  readonly #consumed = new Map<string, string[]>();

  constructor(watched: WatchedAsset | undefined, fail: Fail) {
    this.#watched = watched;
    this.#fail = fail;
  }

  isConsumer(dagId: string): boolean {
    return this.#watched?.consumers.includes(dagId) === true;
  }

  /** A DAG is told of what comes after it has begun to wait. */
  beginsToWait(dagId: string): void {
    if (!this.#before.has(dagId)) this.#before.set(dagId, new Set(this.#recorded.keys()));
  }

  /** An append that is made again, with the same event, answers that it stands. */
  take({ eventId, data }: NewEvent): void {
    const id = idOf(data as Update);
    const known = this.#recorded.get(id);
    if (known !== undefined && known !== eventId) this.#fail('an update is recorded once', `${id} is recorded again`);
    this.#recorded.set(id, eventId);
  }

  takeRun(dagId: string, runId: string, event: RunEvent): void {
    if (event.type !== 'RunCreated' || !this.isConsumer(dagId)) return;
    const consumed = this.#consumed.get(dagId) ?? [];
    this.#consumed.set(dagId, consumed);
    for (const id of (event.assetEvents ?? []).map(idOf)) {
      if (!this.#recorded.has(id)) this.#fail('what makes a run was recorded', `${dagId}/${runId} is made for ${id}`);
      if (consumed.includes(id)) this.#fail('an update makes one run', `${dagId}/${runId} is made for ${id}, which made one before`);
      consumed.push(id);
    }
  }

  /** What there was to see and nobody has seen, or no run was made for. */
  get open(): readonly string[] {
    const { updates = [], consumers = [] } = this.#watched ?? {};
    return updates.flatMap(({ id }) => [
      ...(this.#recorded.has(id) ? [] : [`${id} is not recorded`]),
      ...consumers.filter((dagId) => this.#before.get(dagId)?.has(id) !== true && this.#consumed.get(dagId)?.includes(id) !== true).map((dagId) => `${id} has made no run of ${dagId}`),
    ]);
  }
}

const idOf = ({ extra }: Update): string => (extra as { readonly id: string }).id;
