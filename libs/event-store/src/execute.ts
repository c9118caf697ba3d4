import { type Decider, isRejected, type Json, type Rejected } from '@dagbook/domain';
import { toFact, toNewEvent } from './fact.ts';
import { type AppendEntry, type EventMeta, type EventStore, type StoredEvent, StoreFault } from './port.ts';

/** A decider with what the store needs to know about its stream. */
export interface StreamDecider<Command, Event extends { readonly type: string }, State> extends Decider<Command, Event, State> {
  /** Leads old shapes to the newest, see `upcastChain`. */
  readonly upcast?: (stored: StoredEvent) => StoredEvent;
  /** Snapshots are taken where the state can be told in JSON; `fingerprint` changes with the code that folds. */
  readonly snapshot?: { readonly fingerprint: string; readonly save: (state: State) => Json; readonly load: (state: Json) => State };
}

export interface ExecuteOptions {
  readonly newEventId: () => string;
  readonly meta?: EventMeta;
  /** What must change in the transaction of the events: outcomes, leases, the list of open runs. Called for each try. */
  readonly alongside?: (decided: readonly { readonly type: string }[]) => Omit<Partial<AppendEntry>, 'streamId' | 'expectedVersion' | 'events'>;
  /** Tries before a stream that others keep writing to is given up, 4 by default. */
  readonly maxTries?: number;
}

export type Executed<Event> =
  | { readonly kind: 'decided'; readonly events: readonly Event[]; readonly version: number }
  | { readonly kind: 'rejected'; readonly rejection: Rejected }
  | { readonly kind: 'fenced'; readonly attemptIds: readonly string[] };

/** Shorter tails are folded faster than a snapshot is read. */
const SNAPSHOT_TAIL = 200;

/**
 * The one write path for a command on a single stream: load, fold, decide, append at the version that was folded; on a
 * conflict again from the top. A decision of no events writes nothing. Fails with `StoreFault`, `store.unavailable`
 * when the stream stayed contended.
 */
export async function execute<Command, Event extends { readonly type: string }, State>(
  store: EventStore,
  decider: StreamDecider<Command, Event, State>,
  streamId: string,
  command: Command,
  options: ExecuteOptions,
): Promise<Executed<Event>> {
  const maxTries = options.maxTries ?? 4;
  for (let tries = 1; ; tries++) {
    const { state, version } = await loadState(store, decider, streamId);
    const decision = decider.decide(command, state);
    if (isRejected(decision)) return { kind: 'rejected', rejection: decision };
    if (decision.length === 0) return { kind: 'decided', events: decision, version };
    const meta = options.meta ? { meta: options.meta } : {};
    const events = decision.map((event) => toNewEvent(event, { eventId: options.newEventId(), ...meta }));
    const [result] = await store.append([{ ...options.alongside?.(decision), streamId, expectedVersion: version, events }]);
    switch (result?.kind) {
      case 'appended':
        return { kind: 'decided', events: decision, version: result.lastVersion };
      case 'fenced':
        return result;
      case 'unwritable':
        throw new StoreFault('store.corrupt', `the stream ${streamId} cannot hold what was decided: ${result.message}`, { retryable: false });
      case 'conflict':
      case undefined:
        if (tries === maxTries) throw new StoreFault('store.unavailable', `the stream ${streamId} is written by others faster than it can be decided on`, { retryable: true });
    }
  }
}

/** Folds every stream whose id begins with `prefix`, by the rest of its id: for what there is little of, and little about. */
export async function loadStates<Event extends { readonly type: string }, State>(
  store: Pick<EventStore, 'listStreams' | 'readMany'>,
  prefix: string,
  deciderOf: (name: string) => Pick<Decider<never, Event, State>, 'initialState' | 'evolve'>,
): Promise<ReadonlyMap<string, State>> {
  const streams = await store.readMany(await store.listStreams(prefix));
  return new Map([...streams].map(([streamId, events]) => {
    const name = streamId.slice(prefix.length);
    const { initialState, evolve } = deciderOf(name);
    return [name, events.reduce((state, event) => evolve(state, toFact<Event>(event)), initialState())];
  }));
}

/** Folds a stream, from its snapshot when the code that wrote it folds as we do. */
export async function loadState<Command, Event extends { readonly type: string }, State>(
  store: EventStore,
  decider: StreamDecider<Command, Event, State>,
  streamId: string,
): Promise<{ readonly state: State; readonly version: number }> {
  const { snapshot: codec, upcast } = decider;
  const snapshot = codec ? await store.loadSnapshot(streamId, codec.fingerprint) : null;
  let state = codec && snapshot ? codec.load(snapshot.state) : decider.initialState();
  let version = snapshot?.version ?? 0;
  const tail = await store.read(streamId, version + 1);
  for (const stored of tail) {
    state = decider.evolve(state, toFact<Event>(upcast ? upcast(stored) : stored));
    version = stored.version;
  }
  if (codec && tail.length > Math.max(SNAPSHOT_TAIL, 2 * (snapshot?.version ?? 0))) {
    await store.saveSnapshot(streamId, { version, fingerprint: codec.fingerprint, state: codec.save(state) });
  }
  return { state, version };
}
