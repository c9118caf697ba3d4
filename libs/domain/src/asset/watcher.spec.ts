import { describe, expect, it } from 'vitest';
import { evolveWatcher, initialWatcher, seenUpdates, watchersWanted, watchesAgainAtMs, type WatcherEvent } from './watcher.ts';

const OF = { uri: 's3://lake/inbox', watcher: 'inbox' };
const fired = (epoch: number, last: string): WatcherEvent => ({ type: 'WatcherFired', epoch, ...OF, updates: 1, last, atMs: 1_000 });
const failed = (epoch: number): WatcherEvent => ({ type: 'WatcherFailed', epoch, ...OF, failure: { code: 'error', message: 'no' }, atMs: 1_000 });
const lost = (epoch: number, cause: 'runner_died' | 'lease_expired'): WatcherEvent => ({ type: 'WatcherLost', epoch, worker: 'w', cause, atMs: 1_000 });
const fold = (...events: WatcherEvent[]) => events.reduce(evolveWatcher, initialWatcher);

describe('a watcher', () => {
  it.each<[string, WatcherEvent[], number]>([
    ['at once when it has seen something', [failed(1), fired(2, 'a')], 0],
    ['at once when its worker was lost', [lost(1, 'lease_expired')], 0],
    ['after a pause when it failed', [failed(1)], 6_000],
    ['after a pause when its host died', [lost(1, 'runner_died')], 6_000],
    ['after twice the pause when it failed twice', [failed(1), failed(2)], 11_000],
    ['after ten minutes at most', Array.from({ length: 30 }, (_, index) => failed(index + 1)), 601_000],
  ])('watches again %s', (_, events, atMs) => {
    expect(watchesAgainAtMs(fold(...events))).toBe(atMs);
  });

  it('remembers what it saw last, and its newest epoch, through failures and losses', () => {
    expect(fold(fired(3, 'a'), failed(4), lost(5, 'lease_expired'))).toMatchObject({ version: 3, epoch: 5, last: 'a', failures: 1 });
  });
});

it.each([[false, false, 1], [true, false, 0], [false, true, 0]])('watches for a DAG that is neither paused (%s) nor retired (%s)', (paused, retired, count) => {
  expect(watchersWanted({ watchers: [{ uri: OF.uri, name: 'inbox' }] }, { paused, retired })).toHaveLength(count);
});

describe('what a watcher saw', () => {
  const seen = (updates: unknown) => seenUpdates({ updates } as never, { uri: OF.uri, name: 'inbox', nowMs: 7 });
  it('are updates of its asset by its name', () => {
    expect(seen([{ id: 'a', extra: { n: 1 } }, { id: 'b' }])).toEqual([
      { id: 'a', update: { type: 'AssetUpdated', uri: OF.uri, extra: { n: 1 }, by: 'watcher:inbox', atMs: 7 } }, { id: 'b', update: { type: 'AssetUpdated', uri: OF.uri, extra: {}, by: 'watcher:inbox', atMs: 7 } },
    ]);
  });
  it.each<[unknown, string]>([
    [undefined, 'saw no list of updates'], [[], 'saw 0 updates'], [Array.from({ length: 101 }, () => ({ id: 'a' })), 'saw 101 updates'], [[{}], 'gave an update the id undefined'], [[{ id: '' }], 'gave an update the id ""'],
    [[{ id: 'a', extra: [] }], 'saw an update that cannot be recorded: extra is []'],
  ])('%j is refused', (updates, message) => {
    expect(seen(updates)).toMatchObject({ code: 'bad_output', message: expect.stringContaining(message) });
  });
});
