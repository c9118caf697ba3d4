import { reject, type Decision } from '@dagbook/domain';
import { anEvent } from '@dagbook/testkit';
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { execute, loadState, type StreamDecider } from './execute.ts';
import { upcastChain } from './fact.ts';
import { createMemoryStores } from './memory/stores.ts';
import type { EventStore } from './port.ts';

type Event = { readonly type: 'Deposited'; readonly amount: number } | { readonly type: 'Withdrawn'; readonly amount: number };
type Command = { readonly deposit: number } | { readonly withdraw: number };

/** A purse that cannot be overdrawn. */
const purse: StreamDecider<Command, Event, { balance: number }> = {
  initialState: () => ({ balance: 0 }),
  decide: (command, state): Decision<Event> => {
    if ('deposit' in command) return command.deposit === 0 ? [] : [{ type: 'Deposited', amount: command.deposit }];
    return command.withdraw > state.balance ? reject('overdrawn', `balance is ${state.balance}`) : [{ type: 'Withdrawn', amount: command.withdraw }];
  },
  evolve: (state, event) => {
    state.balance += event.type === 'Deposited' ? event.amount : -event.amount;
    return state;
  },
};
const options = { newEventId: randomUUID };

/** The store, with `before` run ahead of each append: the other writer. */
function contended(events: EventStore, before: () => Promise<unknown>): EventStore {
  return new Proxy(events, {
    get: (target, name) => {
      if (name === 'append') return async (...args: Parameters<EventStore['append']>) => (await before(), target.append(...args));
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

describe('execute', () => {
  it('decides on the fold of the stream and appends the decision', async () => {
    const { events } = createMemoryStores();
    expect(await execute(events, purse, 's', { deposit: 5 }, options)).toEqual({ kind: 'decided', events: [{ type: 'Deposited', amount: 5 }], version: 1 });
    expect(await execute(events, purse, 's', { withdraw: 3 }, { ...options, meta: { causationId: 'c' } })).toMatchObject({ version: 2 });
    expect(await execute(events, purse, 's', { withdraw: 3 }, options)).toEqual({ kind: 'rejected', rejection: reject('overdrawn', 'balance is 2') });
    expect(await execute(events, purse, 's', { deposit: 0 }, options)).toEqual({ kind: 'decided', events: [], version: 2 });
    const stored = await events.read('s');
    expect(stored.map(({ type, schemaVersion, data, meta }) => ({ type, schemaVersion, data, meta }))).toEqual([
      { type: 'Deposited', schemaVersion: 1, data: { amount: 5 }, meta: undefined },
      { type: 'Withdrawn', schemaVersion: 1, data: { amount: 3 }, meta: { causationId: 'c' } },
    ]);
  });

  it('decides anew when another writer was first', async () => {
    const { events } = createMemoryStores();
    await execute(events, purse, 's', { deposit: 5 }, options);
    let others = 1;
    const store = contended(events, async () => others-- > 0 && execute(events, purse, 's', { withdraw: 4 }, options));
    expect(await execute(store, purse, 's', { withdraw: 3 }, options)).toEqual({ kind: 'rejected', rejection: reject('overdrawn', 'balance is 1') });
    expect(await events.read('s')).toHaveLength(2);
  });

  it('gives up on a stream that others keep writing to', async () => {
    const { events } = createMemoryStores();
    let appends = 0;
    const store = contended(events, () => (appends++, execute(events, purse, 's', { deposit: 1 }, options)));
    await expect(execute(store, purse, 's', { deposit: 100 }, { ...options, maxTries: 3 })).rejects.toMatchObject({ code: 'store.unavailable', retryable: true });
    expect(appends).toBe(3);
  });

  it('answers a fence, and writes what goes alongside with the events', async () => {
    const { events } = createMemoryStores();
    await events.storeCommand({ commandId: 'c', dagId: 'd', body: {} });
    const fenced = { ...options, alongside: () => ({ fences: [{ attemptId: 'a', epoch: 1, release: true }] }) };
    expect(await execute(events, purse, 's', { deposit: 5 }, fenced)).toEqual({ kind: 'fenced', attemptIds: ['a'] });
    await execute(events, purse, 's', { deposit: 5 }, { ...options, alongside: (decided) => ({ outcomes: [{ commandId: 'c', outcome: { decided: decided.length } }] }) });
    expect(await events.commandOutcome('c')).toMatchObject({ decided: 1 });
  });

  it('reads old shapes through the chain of upcasters', async () => {
    const { events } = createMemoryStores();
    const old = anEvent('Paid', { cents: 250 });
    await events.append([{ streamId: 's', expectedVersion: 0, events: [old, { ...anEvent('Deposited', { amount: 1 }), schemaVersion: 3 }] }]);
    const upcast = upcastChain({
      'Paid.v1': ({ data }) => ({ type: 'Deposited', data: { units: (data as { cents: number }).cents / 100 } }),
      'Deposited.v2': ({ data }) => ({ type: 'Deposited', data: { amount: (data as { units: number }).units } }),
    });
    expect(await loadState(events, { ...purse, upcast }, 's')).toEqual({ state: { balance: 3.5 }, version: 2 });
  });

  it('folds snapshot and tail to the same as the whole stream', async () => {
    const { events } = createMemoryStores();
    const snapshotting = (fingerprint: string) => ({ ...purse, snapshot: { fingerprint, save: (state: { balance: number }) => state.balance, load: (state: unknown) => ({ balance: state as number }) } });
    await events.append([{ streamId: 's', expectedVersion: 0, events: Array.from({ length: 300 }, () => anEvent('Deposited', { amount: 1 })) }]);
    expect(await loadState(events, snapshotting('f1'), 's')).toEqual({ state: { balance: 300 }, version: 300 });
    expect(await events.loadSnapshot('s', 'f1')).toEqual({ version: 300, fingerprint: 'f1', state: 300 });
    await events.saveSnapshot('s', { version: 300, fingerprint: 'f1', state: 1_000 });
    await execute(events, purse, 's', { deposit: 7 }, options);
    expect(await loadState(events, snapshotting('f1'), 's')).toEqual({ state: { balance: 1_007 }, version: 301 });
    expect(await loadState(events, snapshotting('f2'), 's')).toEqual({ state: { balance: 307 }, version: 301 });
  });
});
