import { createParser } from 'eventsource-parser';

/**
 * One server-sent stream that is followed over breaks: connecting → open → (broken → waiting → connecting)* → ended.
 *
 * Each connection asks for what comes after the last id it has seen, so a break neither loses nor repeats an event that
 * carried an id. Silence longer than the heartbeat is a break. An answer of 4xx ends the stream: asking again would get
 * the same one.
 */
interface EventStream {
  readonly url: string;
  /** Id to resume from, as an earlier stream left it. */
  readonly lastEventId?: string;
  readonly onEvent: (event: StreamEvent) => void;
  readonly onState?: (state: StreamState) => void;
  readonly signal: AbortSignal;
  readonly ports?: Partial<StreamPorts>;
}

export interface StreamEvent {
  /** `message` when the server names none. */
  readonly event: string;
  readonly data: string;
  /** Last id seen on the stream, this event's included. */
  readonly id: string | null;
}

export type StreamState =
  | { readonly state: 'connecting' | 'open' }
  | { readonly state: 'broken'; readonly retryAfterMs: number }
  | { readonly state: 'refused'; readonly status: number };

export interface StreamPorts {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From 0 to 1: spreads the reconnects of many pages. */
  readonly random: () => number;
  readonly silenceMs: number;
}

const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 8_000;
/** Two and a half missed heartbeats of 15 s. */
const SILENCE_MS = 40_000;

const browserPorts: StreamPorts = {
  fetch: (url, init) => fetch(url, init),
  wait: (ms, signal) => new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  }),
  random: Math.random,
  silenceMs: SILENCE_MS,
};

/** Resolves when `signal` aborts, the server says `end`, or it refuses; never rejects. */
export async function followStream(stream: EventStream): Promise<void> {
  const ports = { ...browserPorts, ...stream.ports };
  let lastEventId = stream.lastEventId ?? null;
  let breaks = 0;
  while (!stream.signal.aborted) {
    stream.onState?.({ state: 'connecting' });
    const connection = await readConnection();
    if (connection === 'ended' || stream.signal.aborted) return;
    if (typeof connection === 'number') {
      stream.onState?.({ state: 'refused', status: connection });
      return;
    }
    const ceilingMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** breaks);
    const retryAfterMs = ceilingMs / 2 + (ceilingMs / 2) * ports.random();
    breaks += 1;
    stream.onState?.({ state: 'broken', retryAfterMs });
    await ports.wait(retryAfterMs, stream.signal);
  }

  async function readConnection(): Promise<'ended' | 'broken' | number> {
    const silence = new AbortController();
    const signal = AbortSignal.any([stream.signal, silence.signal]);
    let timer = setTimeout(() => silence.abort(), ports.silenceMs);
    let ended = false;
    const parser = createParser({
      onEvent: ({ id, event, data }) => {
        if (id !== undefined) lastEventId = id;
        if (event === 'end') ended = true;
        else stream.onEvent({ event: event ?? 'message', data, id: lastEventId });
      },
    });
    try {
      const headers: Record<string, string> = { accept: 'text/event-stream' };
      if (lastEventId !== null) headers['last-event-id'] = lastEventId;
      const response = await ports.fetch(stream.url, { headers, signal, credentials: 'same-origin', cache: 'no-store' });
      if (response.status >= 400 && response.status < 500 && response.status !== 408 && response.status !== 429) return response.status;
      if (!response.ok || response.body === null) return 'broken';
      stream.onState?.({ state: 'open' });
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return ended ? 'ended' : 'broken';
        breaks = 0;
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), ports.silenceMs);
        parser.feed(value);
        if (ended) {
          await reader.cancel();
          return 'ended';
        }
      }
    } catch {
      // A network fault, a closed socket and our own abort all read the same: the loop looks at the signal.
      return 'broken';
    } finally {
      clearTimeout(timer);
    }
  }
}
