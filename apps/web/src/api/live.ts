import type { QueryClient, QueryKey } from '@tanstack/react-query';
import { useQueryClient } from '@tanstack/react-query';
import { createContext, use, useEffect, useSyncExternalStore } from 'react';
import type { StreamEvent, StreamState } from './event-stream.ts';
import { followStream } from './event-stream.ts';
import { dagKey, dagsKey, importErrorsKey, runKey } from './query.ts';

/**
 * Keeps what the page has read current: one stream for all topics that mounted views ask for. An event names subjects,
 * and the queries of those subjects are read again. States: catching_up (no connection yet, or resuming) → streaming ⇄
 * offline; while not streaming, everything on screen is read again every few seconds instead.
 */
export class LiveUpdates {
  readonly #queries: QueryClient;
  readonly #onRefused: (status: number) => void;
  readonly #topics = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  readonly #reads = new Map<string, 'running' | 'again'>();
  #state: LiveState = { state: 'catching_up', sinceMs: Date.now() };
  #connection: AbortController | null = null;
  #poll: ReturnType<typeof setInterval> | null = null;
  #lastEventId: string | null = null;
  #restartQueued = false;

  constructor(queries: QueryClient, onRefused: (status: number) => void) {
    this.#queries = queries;
    this.#onRefused = onRefused;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly state = (): LiveState => this.#state;

  /** Follows the topics until the returned function is called; topics that several views want are asked for once. */
  follow(topics: readonly string[]): () => void {
    for (const topic of topics) this.#topics.set(topic, (this.#topics.get(topic) ?? 0) + 1);
    this.#queueRestart();
    return () => {
      for (const topic of topics) {
        const rest = (this.#topics.get(topic) ?? 1) - 1;
        if (rest === 0) this.#topics.delete(topic);
        else this.#topics.set(topic, rest);
      }
      this.#queueRestart();
    };
  }

  /** A navigation unmounts one view and mounts the next in the same turn: one new connection, not two. */
  #queueRestart(): void {
    if (this.#restartQueued) return;
    this.#restartQueued = true;
    queueMicrotask(() => {
      this.#restartQueued = false;
      this.#restart();
    });
  }

  #restart(): void {
    this.#connection?.abort();
    this.#connection = null;
    if (this.#topics.size === 0) {
      this.#stopPolling();
      return;
    }
    const connection = new AbortController();
    this.#connection = connection;
    void followStream({
      url: `/api/v2/stream?topics=${encodeURIComponent([...this.#topics.keys()].sort().join(','))}`,
      signal: connection.signal,
      ...(this.#lastEventId === null ? {} : { lastEventId: this.#lastEventId }),
      onEvent: (event) => this.#onEvent(event),
      onState: (state) => this.#onState(state),
    });
  }

  #onEvent(event: StreamEvent): void {
    this.#lastEventId = event.id ?? this.#lastEventId;
    for (const key of keysOf(event)) this.#readAgain(key);
  }

  #onState(next: StreamState): void {
    if (next.state === 'connecting') return;
    if (next.state === 'open') {
      this.#stopPolling();
      // Nothing says from where to resume: what changed between the reads and this connection would be missed.
      if (this.#lastEventId === null) this.#readAgain([]);
      this.#set('streaming');
      return;
    }
    if (next.state === 'refused') this.#onRefused(next.status);
    this.#set('offline');
    this.#poll ??= setInterval(() => this.#readAgain([]), POLL_MS);
  }

  #stopPolling(): void {
    if (this.#poll !== null) clearInterval(this.#poll);
    this.#poll = null;
  }

  #set(state: LiveState['state']): void {
    if (state === this.#state.state) return;
    this.#state = { state, sinceMs: Date.now() };
    for (const listener of this.#listeners) listener();
  }

  /** Whatever changes while a subject is being read is read once more afterwards, however many events told of it. */
  #readAgain(key: QueryKey): void {
    const name = JSON.stringify(key);
    if (this.#reads.has(name)) {
      this.#reads.set(name, 'again');
      return;
    }
    this.#reads.set(name, 'running');
    const pause = new Promise((resolve) => setTimeout(resolve, PACE_MS));
    void Promise.all([this.#queries.invalidateQueries({ queryKey: key }), pause]).finally(() => {
      const again = this.#reads.get(name) === 'again';
      this.#reads.delete(name);
      if (again) this.#readAgain(key);
    });
  }
}

const POLL_MS = 5_000;
/** Ten pictures a second are live to an eye and light on the gateway. */
const PACE_MS = 100;

interface LiveState {
  readonly state: 'catching_up' | 'streaming' | 'offline';
  readonly sinceMs: number;
}

/** The query keys that an event makes stale; everything after a `reset`. */
export function keysOf(event: Pick<StreamEvent, 'event' | 'data'>): readonly QueryKey[] {
  const data = JSON.parse(event.data === '' ? '{}' : event.data) as { readonly dag_id?: string; readonly dag_run_id?: string };
  switch (event.event) {
    case 'dags':
      return [dagsKey];
    case 'dag':
      return data.dag_id === undefined ? [] : [dagKey(data.dag_id)];
    case 'run':
      return data.dag_id === undefined || data.dag_run_id === undefined ? [] : [runKey(data.dag_id, data.dag_run_id)];
    case 'import_errors':
      return [importErrorsKey, dagsKey];
    case 'reset':
      return [[]];
    default:
      return [];
  }
}

const Live = createContext<LiveUpdates | null>(null);
export const LiveProvider = Live.Provider;

function useLiveUpdates(): LiveUpdates {
  const live = use(Live);
  if (live === null) throw new Error('a view that follows the stream stands outside LiveProvider');
  return live;
}

export function useLive(...topics: readonly string[]): void {
  const live = useLiveUpdates();
  const joined = topics.join(',');
  useEffect(() => live.follow(joined.split(',')), [live, joined]);
}

export function useLiveState(): LiveState {
  const live = useLiveUpdates();
  return useSyncExternalStore(live.subscribe, live.state);
}

/** After a change of the page's own: what it may have touched is read again without waiting for the stream. */
export function useRefresh(): (...keys: readonly QueryKey[]) => Promise<void> {
  const queries = useQueryClient();
  return async (...keys) => {
    await Promise.all(keys.map((queryKey) => queries.invalidateQueries({ queryKey })));
  };
}
