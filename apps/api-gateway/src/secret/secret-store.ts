import { connectionStream, variableStream } from '@dagbook/contracts';
import { isRejected, type Json, type Rejected, reject, type SealedEntryCommand, sealedEntryDecider } from '@dagbook/domain';
import { execute, loadState, toFact, type EventStore } from '@dagbook/event-store';
import { uuidv7, type Clock } from '@dagbook/platform';
import { KeyRingError, keyIdOf, type KeyRing } from './key-ring.ts';

export type SecretKind = 'Connection' | 'Variable';

const STREAM = { Connection: connectionStream, Variable: variableStream } as const;

const nameOf = (kind: SecretKind, id: string): string => `${kind.toLowerCase()} '${id}'`;

const NO_KEYS = reject('no_keys', 'Nothing can be stored: the gateway has no DAGBOOK_SECRETS_KEYS. Set it (or DAGBOOK_SECRETS_KEYS_FILE) to a key made with `openssl rand -hex 32`.');

/**
 * Connections and variables in the journal, each in a stream of its own, sealed with the gateway's keys. Holds no state:
 * what it answers is folded from the stream, so every gateway sees a change at once.
 */
export class SecretStore {
  readonly #store: EventStore;
  readonly #keys: KeyRing | null;
  readonly #clock: Clock;

  constructor(options: { readonly store: EventStore; readonly keys: KeyRing | null; readonly clock: Clock }) {
    this.#store = options.store;
    this.#keys = options.keys;
    this.#clock = options.clock;
  }

  /** null: it is not there. Rejects with `KeyRingError` when it is there and cannot be opened. */
  async get(kind: SecretKind, id: string): Promise<Json | null> {
    return (await this.#find(kind, id))?.content ?? null;
  }

  /** All of a kind, in order of id. One that cannot be opened is told by its error. */
  async list(kind: SecretKind): Promise<readonly { readonly id: string; readonly content: Json | KeyRingError }[]> {
    const found: { id: string; content: Json | KeyRingError }[] = [];
    for (const { id, sealed } of await this.#entries(kind)) {
      try {
        found.push({ id, content: this.#open(kind, id, sealed) });
      } catch (error) {
        if (!(error instanceof KeyRingError)) throw error;
        found.push({ id, content: error });
      }
    }
    return found;
  }

  async set(kind: SecretKind, id: string, content: Json, options: { readonly by: string; readonly mode: 'create' | 'change' | 'set' }): Promise<Rejected | null> {
    return this.#keys === null ? NO_KEYS : this.#execute(kind, id, { type: 'Set', ...options, sealed: this.#seal(this.#keys, kind, id, content), atMs: this.#clock.nowMs() });
  }

  /** Puts what `change` makes of the content in its place, unless somebody else was faster. */
  async change(kind: SecretKind, id: string, by: string, change: (content: Json) => Json | Rejected): Promise<Rejected | null> {
    if (this.#keys === null) return NO_KEYS;
    const found = await this.#find(kind, id);
    if (found === null) return reject('not_found', `There is no ${nameOf(kind, id)}.`);
    const changed = change(found.content);
    if (isRejected(changed)) return changed;
    return this.#execute(kind, id, { type: 'Set', mode: 'change', from: found.sealed, sealed: this.#seal(this.#keys, kind, id, changed), by, atMs: this.#clock.nowMs() });
  }

  async delete(kind: SecretKind, id: string, by: string): Promise<Rejected | null> {
    return this.#execute(kind, id, { type: 'Delete', by, atMs: this.#clock.nowMs() });
  }

  /** Seals with the newest key what another one sealed; safe at any time, and again. Stops at one that cannot be opened. */
  async rotate(by: string): Promise<{ readonly resealed: number; readonly total: number; readonly keyId: string } | Rejected> {
    if (this.#keys === null) return NO_KEYS;
    let resealed = 0;
    let total = 0;
    for (const kind of ['Connection', 'Variable'] as const) {
      for (const { id, sealed } of await this.#entries(kind)) {
        total += 1;
        if (keyIdOf(sealed) === this.#keys.newestKeyId) continue;
        await this.#execute(kind, id, { type: 'Reseal', from: sealed, sealed: this.#seal(this.#keys, kind, id, this.#open(kind, id, sealed)), by, atMs: this.#clock.nowMs() });
        resealed += 1;
      }
    }
    return { resealed, total, keyId: this.#keys.newestKeyId };
  }

  async #find(kind: SecretKind, id: string): Promise<{ readonly sealed: string; readonly content: Json } | null> {
    const { state } = await loadState(this.#store, sealedEntryDecider(kind, nameOf(kind, id)), STREAM[kind](id));
    return state === null ? null : { sealed: state.sealed, content: this.#open(kind, id, state.sealed) };
  }

  async #entries(kind: SecretKind): Promise<readonly { readonly id: string; readonly sealed: string }[]> {
    const prefix = STREAM[kind]('');
    const streams = await this.#store.readMany(await this.#store.listStreams(prefix));
    const { evolve, initialState } = sealedEntryDecider(kind, '');
    return [...streams]
      .map(([stream, events]) => ({ id: stream.slice(prefix.length), state: events.reduce((state, event) => evolve(state, toFact(event)), initialState()) }))
      .flatMap(({ id, state }) => (state === null ? [] : [{ id, sealed: state.sealed }]))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async #execute(kind: SecretKind, id: string, command: SealedEntryCommand): Promise<Rejected | null> {
    const done = await execute(this.#store, sealedEntryDecider(kind, nameOf(kind, id)), STREAM[kind](id), command, { newEventId: uuidv7 });
    return done.kind === 'rejected' ? done.rejection : null;
  }

  #seal(keys: KeyRing, kind: SecretKind, id: string, content: Json): string {
    return keys.seal(STREAM[kind](id), JSON.stringify(content));
  }

  #open(kind: SecretKind, id: string, sealed: string): Json {
    if (this.#keys === null) throw new KeyRingError('secrets.no_key', `${nameOf(kind, id)} is sealed, and the gateway has no DAGBOOK_SECRETS_KEYS`);
    return JSON.parse(this.#keys.open(STREAM[kind](id), sealed)) as Json;
  }
}
