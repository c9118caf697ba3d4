import { WATCHERS, type AttemptAssigned, type AttemptKey, type Outcome } from '@dagbook/contracts';
import type { DagDefinition, Json } from '@dagbook/domain';
import { afterEach, describe, expect, it } from 'vitest';
import { Spine } from './spine.harness.ts';

const spines: Spine[] = [];
afterEach(async () => {
  for (const spine of spines.splice(0)) await spine.stop();
});

const URI = 's3://lake/inbox';
const CONSUMER: Partial<DagDefinition> = { schedule: { kind: 'assets', condition: { kind: 'all', of: [{ kind: 'asset', uri: URI }] } }, watchers: [{ uri: URI, name: 'inbox' }] };
const isWatcher = ({ dagId }: AttemptKey): boolean => dagId === WATCHERS;
const seen = (...ids: string[]): Outcome => ({ kind: 'fired', event: { uri: URI, name: 'inbox', updates: ids.map((id) => ({ id, extra: { file: id } })) } });

/** Watchers hang until the test lets them see something; tasks succeed. */
async function started(...dagIds: string[]): Promise<Spine> {
  const spine = new Spine({ script: (attempt) => (isWatcher(attempt) ? 'hang' : { kind: 'succeeded' }) });
  spines.push(spine);
  await spine.scheduler();
  await spine.dispatcher();
  await spine.worker();
  for (const dagId of dagIds) spine.define(dagId, [{ taskId: 'load' }], CONSUMER);
  return spine;
}

async function watching(spine: Spine, epoch: number): Promise<AttemptAssigned> {
  await spine.until(() => spine.hanging.some((attempt) => attempt.epoch === epoch));
  return spine.hanging[0]!;
}

/** Extras of what each run of the DAG was made for. */
async function madeFor(spine: Spine, dagId: string): Promise<Json[]> {
  const runs = await spine.stores.events.listStreams(`run-${dagId}/`);
  const created = await Promise.all(runs.map(async (run) => (await spine.stores.events.read(run))[0]?.data as { assetEvents: { extra: { file: string } }[] }));
  return created.flatMap(({ assetEvents }) => assetEvents.map(({ extra }) => extra.file)).sort();
}

const becomes = async (spine: Spine, dagId: string, files: string[]): Promise<void> => {
  await spine.until(async () => (await madeFor(spine, dagId)).length >= files.length);
  expect(await madeFor(spine, dagId)).toEqual(files);
};

describe('a watcher of an asset', () => {
  it('is one attempt for all who wait for the asset, and each update that it sees makes each of their runs once', async () => {
    const spine = await started('one', 'two');
    const first = await watching(spine, 1);
    expect([spine.hanging.length, first.work.kind, first.work.watcher?.uri, first.work.watcher?.last]).toEqual([1, 'watcher', URI, undefined]);
    await spine.finish(first, seen('a', 'b'));
    const second = await watching(spine, 2);
    expect(second.work.watcher?.last).toBe('b');
    await becomes(spine, 'one', ['a', 'b']);
    await spine.finish(second, seen('b', 'c'));
    await watching(spine, 3);
    await becomes(spine, 'one', ['a', 'b', 'c']);
    await becomes(spine, 'two', ['a', 'b', 'c']);
    expect(await spine.stores.events.listStreams('asset-events-')).toHaveLength(3);
    expect(spine.hanging).toHaveLength(1);
  });

  it('is hosted again when its host is lost, and what the lost one says counts for nothing', async () => {
    const spine = await started('one');
    const lost = await watching(spine, 1);
    await spine.lose(lost);
    // A host that died may have died of it.
    await spine.until(async () => (await spine.stores.leases.list()).length === 0);
    await spine.finish(lost, seen('a'));
    spine.clock.advance(5_000);
    await spine.renew();
    await spine.finish(await watching(spine, 2), seen('b'));
    await watching(spine, 3);
    await becomes(spine, 'one', ['b']);
  });

  it('pauses after a failure, longer each time, and goes on where it was', async () => {
    const spine = await started('one');
    await spine.finish(await watching(spine, 1), seen('a'));
    const failure: Outcome = { kind: 'failed', failure: { code: 'error', message: 'no such queue' } };
    await spine.finish(await watching(spine, 2), failure);
    for (const [ms, epoch] of [[5_000, 3], [10_000, 4]] as const) {
      await spine.until(async () => (await spine.stores.leases.list()).length === 0);
      spine.clock.advance(ms - 1);
      await spine.renew();
      expect(spine.hanging).toEqual([]);
      spine.clock.advance(1);
      await spine.renew();
      const again = await watching(spine, epoch);
      expect(again.work.watcher?.last).toBe('a');
      await spine.finish(again, failure);
    }
  });

  it('fails by what it says of an update that cannot be, and records none of it', async () => {
    const spine = await started('one');
    await spine.finish(await watching(spine, 1), { kind: 'fired', event: { uri: URI, name: 'inbox', updates: [{ id: 'a', extra: {} }, { id: '', extra: {} }] } });
    const [stream] = await spine.stores.events.listStreams('watcher-');
    await spine.until(async () => (await spine.stores.events.listStreams('watcher-')).length === 1);
    expect((await spine.stores.events.read(stream ?? (await spine.stores.events.listStreams('watcher-'))[0]!)).map(({ type, data }) => [type, (data as { failure: { code: string } }).failure.code])).toEqual([['WatcherFailed', 'bad_output']]);
    expect(await spine.stores.events.listStreams('asset-events-')).toEqual([]);
  });

  it('watches while any of them is unpaused', async () => {
    const spine = await started('one', 'two');
    await watching(spine, 1);
    const pause = (dagId: string, paused: boolean) => spine.command(dagId, { type: 'SetPaused', paused, user: 'me' });
    await pause('one', true);
    await spine.revoked(1);
    await watching(spine, 2);
    await pause('two', true);
    await spine.revoked(2);
    await spine.until(async () => (await spine.stores.leases.list()).length === 0);
    await pause('one', false);
    await watching(spine, 3);
  });

  it('watches on under the next owner of the DAG', async () => {
    const spine = await started('one');
    await spine.finish(await watching(spine, 1), seen('a'));
    const second = await watching(spine, 2);
    await spine.services[0]?.stop();
    await spine.scheduler();
    await spine.finish(second, seen('b'));
    await spine.until(async () => (await spine.stores.events.listStreams('asset-events-')).length === 2);
    const third = await watching(spine, 3);
    expect(third.work.watcher?.last).toBe('b');
    await becomes(spine, 'one', ['a', 'b']);
  });
});
