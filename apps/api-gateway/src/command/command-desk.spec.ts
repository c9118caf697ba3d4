import type { CommandOutcome } from '@dagbook/contracts';
import type { Json } from '@dagbook/domain';
import { createMemoryStores } from '@dagbook/event-store';
import { BusFault, type OutgoingMessage } from '@dagbook/messaging';
import { ManualClock, silentLog } from '@dagbook/platform';
import { beforeEach, describe, expect, it } from 'vitest';
import { ApiError } from '../error/api-error.ts';
import { CommandDesk, type Submitted } from './command-desk.ts';

const PAUSE = { type: 'SetPaused', paused: true, user: 'ann' } as const;

const clock = new ManualClock(0);
let store = createMemoryStores().events;
let published: OutgoingMessage[] = [];
let busIsAway = false;
let hasReached = true;

const desk = (): CommandDesk =>
  new CommandDesk({
    store,
    publisher: {
      publish: async (messages) => {
        if (busIsAway) throw new BusFault('bus.unavailable', 'away', { retryable: true });
        published.push(...messages);
      },
    },
    feed: { reached: () => Promise.resolve(hasReached) },
    clock,
    log: silentLog,
  });

/** Lets time pass until the answer is there; `meanwhile` runs at each turn. */
async function settled(answer: Promise<Submitted>, meanwhile: () => Promise<unknown> = () => Promise.resolve()): Promise<Submitted> {
  let isDone = false;
  const done = answer.finally(() => (isDone = true));
  done.catch(() => undefined);
  while (!isDone) {
    await meanwhile();
    clock.advance(10);
    await new Promise(setImmediate);
  }
  return done;
}

const decide = (outcome: CommandOutcome) => async (): Promise<void> => {
  for (const { commandId } of await store.pendingCommands({})) {
    await store.append([{ streamId: '', expectedVersion: 0, events: [], outcomes: [{ commandId, outcome: outcome as unknown as Json }] }]);
  }
};

beforeEach(() => {
  store = createMemoryStores().events;
  published = [];
  busIsAway = false;
  hasReached = true;
});

describe('a command', () => {
  it('is a row, and a hint under the DAG’s key', async () => {
    const submitted = await settled(desk().submit('d', PAUSE), decide({ kind: 'done', position: '7-9', result: { runId: 'r' } }));
    expect(submitted).toEqual({ kind: 'done', result: { runId: 'r' }, position: '7-9' });
    expect(published).toMatchObject([{ topic: 'dagbook.commands', key: 'd', type: 'CommandStored', data: { dagId: 'd' } }]);
  });

  it('needs no bus: its owner finds the row', async () => {
    busIsAway = true;
    expect(await settled(desk().submit('d', PAUSE), decide({ kind: 'done', position: null }))).toEqual({ kind: 'done', result: undefined, position: null });
  });

  it('is accepted when its outcome is not there within five seconds', async () => {
    const from = clock.nowMs();
    expect(await settled(desk().submit('d', PAUSE, 'k'))).toEqual({ kind: 'accepted', commandId: 'ann/k' });
    expect(clock.nowMs() - from).toBeGreaterThanOrEqual(5_000);
    expect(await store.pendingCommands({})).toMatchObject([{ commandId: 'ann/k', dagId: 'd', body: PAUSE }]);
  });

  it('is accepted when queries do not see it yet', async () => {
    hasReached = false;
    expect(await settled(desk().submit('d', PAUSE, 'k'), decide({ kind: 'done', position: '7-9' }))).toEqual({ kind: 'accepted', commandId: 'ann/k' });
  });

  it.each([['dag_not_found', 404], ['unknown_task', 404], ['invalid_param', 400], ['run_exists', 409], ['constructor', 409], ['never_heard_of', 409]])('refused as %s is %i with its sentence', async (code, status) => {
    const refusal = await settled(desk().submit('d', PAUSE), decide({ kind: 'refused', code, message: 'A sentence.' })).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ApiError);
    expect([(refusal as ApiError).getStatus(), (refusal as ApiError).getResponse()]).toEqual([status, { detail: 'A sentence.' }]);
  });

  it('sent again under its key is stored once, and another user’s key is another command', async () => {
    const answerAll = decide({ kind: 'done', position: null, result: 1 });
    await settled(desk().submit('d', PAUSE, 'k'), answerAll);
    expect(await settled(desk().submit('d', PAUSE, 'k'))).toEqual({ kind: 'done', result: 1, position: null });
    expect(await settled(desk().submit('d', { ...PAUSE, user: 'bob' }, 'k'))).toEqual({ kind: 'accepted', commandId: 'bob/k' });
  });
});
