import { TOPICS, type CommandBody, type DispatcherCommand } from '@dagbook/contracts';
import type { Json } from '@dagbook/domain';
import { parsePosition, type EventStore } from '@dagbook/event-store';
import type { MessagePublisher } from '@dagbook/messaging';
import { errorAttributes, uuidv7, type AlarmClock, type Log } from '@dagbook/platform';
import { ApiError, invalid } from '../error/api-error.ts';
import type { ReadModelFeed } from '../read-model-feed.ts';
import { OutcomeWatch } from './outcome-watch.ts';
import { refusalStatus } from './refusal-status.ts';

const OUTCOME_WITHIN_MS = 5_000;
const READ_WITHIN_MS = 5_000;
const IDEMPOTENCY_KEY = /^[A-Za-z0-9_.:-]{1,128}$/;

/** Done, and queries see it; or stored and still to come, which is 202. */
export type Submitted = { readonly kind: 'done'; readonly result: Json | undefined; readonly position?: string | null } | { readonly kind: 'accepted'; readonly commandId: string };

/**
 * The one way to change anything: the row in `commands` is the command, the message only wakes its owner, and the answer
 * is the outcome that the owner writes in the transaction of its events.
 */
export class CommandDesk {
  readonly #store: EventStore;
  readonly #publisher: MessagePublisher;
  readonly #feed: Pick<ReadModelFeed, 'reached'>;
  readonly #outcomes: OutcomeWatch;
  readonly #log: Log;

  constructor(options: { store: EventStore; publisher: MessagePublisher; feed: Pick<ReadModelFeed, 'reached'>; clock: AlarmClock; log: Log }) {
    this.#store = options.store;
    this.#publisher = options.publisher;
    this.#feed = options.feed;
    this.#outcomes = new OutcomeWatch(options.store, options.clock);
    this.#log = options.log;
  }

  /** `dagId` may be `DISPATCHER`. A refusal is thrown as the `ApiError` that the client gets. The same key again has no second effect. */
  async submit(dagId: string, body: CommandBody | DispatcherCommand, idempotencyKey?: string): Promise<Submitted> {
    const commandId = idempotencyKey === undefined ? uuidv7() : `${body.user}/${checkedKey(idempotencyKey)}`;
    await this.#store.storeCommand({ commandId, dagId, body: body as unknown as Json });
    await this.#hint(commandId, dagId);
    const outcome = await this.#outcomes.outcomeOf(commandId, OUTCOME_WITHIN_MS);
    if (outcome === null) return { kind: 'accepted', commandId };
    if (outcome.kind === 'refused') throw new ApiError(refusalStatus(outcome.code), outcome.message);
    if (outcome.position !== null && !(await this.#feed.reached(parsePosition(outcome.position), READ_WITHIN_MS))) return { kind: 'accepted', commandId };
    return { kind: 'done', result: outcome.result, position: outcome.position };
  }

  async #hint(commandId: string, dagId: string): Promise<void> {
    try {
      await this.#publisher.publish([{ topic: TOPICS.commands.name, key: dagId, type: 'CommandStored', data: { commandId, dagId } }]);
    } catch (error) {
      // The row stands: its owner finds it when it next looks.
      this.#log.warn('a command is stored but its owner could not be woken', { commandId, ...errorAttributes(error) });
    }
  }
}

function checkedKey(key: string): string {
  if (IDEMPOTENCY_KEY.test(key)) return key;
  throw invalid([{ type: 'string_pattern_mismatch', loc: ['header', 'Idempotency-Key'], msg: `String should match pattern '${IDEMPOTENCY_KEY.source}'`, input: key }]);
}
