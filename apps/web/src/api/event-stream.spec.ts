import { describe, expect, it } from 'vitest';
import type { StreamEvent, StreamPorts, StreamState } from './event-stream.ts';
import { followStream } from './event-stream.ts';

type Answer = { readonly status?: number; readonly chunks?: readonly string[]; readonly hangs?: boolean } | 'unreachable';

/** Answers connection after connection from a list and writes down what each one asked for. */
function serve(answers: readonly Answer[]) {
  const asked: (string | null)[] = [];
  const waits: number[] = [];
  const abort = new AbortController();
  const ports: Partial<StreamPorts> = {
    random: () => 1,
    wait: async (ms) => { waits.push(ms); },
    fetch: async (_url, init) => {
      asked.push(new Headers(init.headers).get('last-event-id'));
      const answer = answers[asked.length - 1];
      if (answer === undefined) {
        abort.abort();
        throw new TypeError('no more answers');
      }
      if (answer === 'unreachable') throw new TypeError('fetch failed');
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
        start(controller) {
          for (const chunk of answer.chunks ?? []) controller.enqueue(new TextEncoder().encode(chunk));
          if (answer.hangs !== true) controller.close();
          else init.signal?.addEventListener('abort', () => controller.error(new DOMException('aborted', 'AbortError')));
        },
      });
      return new Response(body, { status: answer.status ?? 200 });
    },
  };
  return { asked, waits, abort, ports };
}

async function follow(answers: readonly Answer[], silenceMs = 1_000) {
  const served = serve(answers);
  const events: StreamEvent[] = [];
  const states: StreamState[] = [];
  await followStream({
    url: '/stream', signal: served.abort.signal, ports: { ...served.ports, silenceMs },
    onEvent: (event) => events.push(event), onState: (state) => states.push(state),
  });
  return { ...served, events, states };
}

describe('followStream', () => {
  it('resumes after the last id it has seen, and ends when the server says so', async () => {
    const { asked, events } = await follow([
      { chunks: ['id: 7\nevent: run\ndata: a\n\n', 'id: 9\nda'] },
      { chunks: ['id: 9\ndata: b\ndata: c\n\nevent: end\ndata: {}\n\n'] },
    ]);
    expect(asked).toEqual([null, '7']);
    expect(events).toEqual([{ event: 'run', data: 'a', id: '7' }, { event: 'message', data: 'b\nc', id: '9' }]);
  });

  it('keeps its place over connections that bring nothing, waiting longer each time up to a cap', async () => {
    const { asked, waits } = await follow([{ chunks: ['id: 4\ndata: x\n\n'] }, 'unreachable', { status: 503 }, 'unreachable', 'unreachable', 'unreachable', 'unreachable', 'unreachable']);
    expect(asked).toEqual([null, '4', '4', '4', '4', '4', '4', '4', '4']);
    expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
  });

  it('starts its waits anew once a connection has brought something', async () => {
    const { waits } = await follow(['unreachable', 'unreachable', { chunks: [': beat\n\n'] }, 'unreachable']);
    expect(waits).toEqual([250, 500, 250, 500]);
  });

  it('does not ask again after a refusal', async () => {
    const { asked, states } = await follow([{ status: 401 }, { chunks: ['data: never\n\n'] }]);
    expect(asked).toEqual([null]);
    expect(states).toEqual([{ state: 'connecting' }, { state: 'refused', status: 401 }]);
  });

  it('takes silence for a break', async () => {
    const { asked, events } = await follow([{ chunks: ['id: 1\ndata: a\n\n'], hangs: true }, { chunks: ['event: end\ndata: {}\n\n'] }], 20);
    expect(asked).toEqual([null, '1']);
    expect(events.map((event) => event.data)).toEqual(['a']);
  });

  it('stops at once when it is told to, without another connection', async () => {
    const served = serve([{ chunks: ['data: a\n\n'], hangs: true }, { chunks: [] }]);
    await followStream({ url: '/stream', signal: served.abort.signal, ports: served.ports, onEvent: () => served.abort.abort() });
    expect(served.asked).toEqual([null]);
  });
});
