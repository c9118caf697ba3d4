import { setTimeout as pause } from 'node:timers/promises';
import { CliFailure } from '../failure.ts';
import { refusalOf, type Api } from './client.ts';

export interface StreamEvent {
  /** `open` at each connection, `message` when the server names none. */
  readonly event: string;
  readonly data: string;
}

const RETRY_MS = 500;
const LAST_TRIES = 20;

/**
 * Server-sent events over breaks: connecting → open → (broken → connecting)* → ended by the server's `end`. Each
 * connection asks for what comes after the last id seen, so nothing is lost or told twice. Throws when the server
 * refuses, or stays away for ten seconds.
 */
export async function* followStream(api: Api, path: string, signal: AbortSignal): AsyncGenerator<StreamEvent> {
  let lastEventId: string | undefined;
  for (let breaks = 0; ; breaks += 1) {
    // Leaving the loop over a body does not end its connection before the next byte comes: the process would stay for it.
    const connection = new AbortController();
    try {
      const response = await fetch(`${api.url}${path}`, {
        signal: AbortSignal.any([signal, connection.signal]),
        headers: { accept: 'text/event-stream', ...(api.token === undefined ? {} : { authorization: `Bearer ${api.token}` }), ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) },
      });
      if (response.status >= 400 && response.status < 500) throw refusalOf(api.url, response.status, await response.json().catch(() => undefined));
      if (response.ok && response.body !== null) {
        yield { event: 'open', data: '' };
        for await (const { id, ...event } of eventsIn(response.body)) {
          breaks = 0;
          lastEventId = id ?? lastEventId;
          if (event.event === 'end') return;
          yield event;
        }
      }
    } catch (error) {
      if (error instanceof CliFailure || signal.aborted) throw error;
    } finally {
      connection.abort();
    }
    if (breaks >= LAST_TRIES) throw new CliFailure('unreachable', `${api.url} does not answer any more.`, 'What was followed goes on without you; run the same command again later.');
    await pause(RETRY_MS, undefined, { signal });
  }
}

async function* eventsIn(body: AsyncIterable<Uint8Array>): AsyncGenerator<StreamEvent & { readonly id?: string }> {
  let rest = '';
  let fields: { id?: string; event?: string; data: string[] } = { data: [] };
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (fields.data.length > 0) yield { ...(fields.id === undefined ? {} : { id: fields.id }), event: fields.event ?? 'message', data: fields.data.join('\n') };
        fields = { data: [] };
        continue;
      }
      const colon = line.indexOf(':');
      const name = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (name === 'data') fields.data.push(value);
      else if (name === 'id' || name === 'event') fields[name] = value;
    }
  }
}
