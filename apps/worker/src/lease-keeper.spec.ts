import type { WorkerRenewed } from '@dagbook/contracts';
import { silentLog } from '@dagbook/platform';
import { beforeEach, expect, test, vi } from 'vitest';
import { FakePublisher } from '../test/fake-publisher.ts';
import { type Held, LeaseKeeper } from './lease-keeper.ts';

let bus: FakePublisher;
let held: Held[];
let revoked: string[];
let expired: string[];
let keeper: LeaseKeeper;
let nowMs: number;

const attempt = (attemptId: string, lostAfterMs = 10_000): Held => ({ attemptId, epoch: 1, lostAfterMs, leaseFromMs: nowMs });
const renewals = (): WorkerRenewed[] => bus.batches.flat().map((message) => message.data as WorkerRenewed);

beforeEach(() => {
  nowMs = 1_000;
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  bus = new FakePublisher();
  held = [];
  revoked = [];
  expired = [];
  keeper = new LeaseKeeper({
    identity: { worker: 'w', incarnation: 'i', queues: ['default'], slots: 4, hostname: 'h', version: '1' },
    publisher: bus,
    log: silentLog,
    renewEveryMs: 5_000,
    isDraining: () => false,
    held: () => held,
    reported: () => [{ attemptId: 'reported', epoch: 9 }],
    onRevoked: (attemptId, epoch) => revoked.push(`${attemptId}@${epoch}`),
    onExpired: ({ attemptId }) => expired.push(attemptId),
  });
  return () => vi.restoreAllMocks();
});

test('a renewal names what runs and what waits for an acknowledgement', async () => {
  held = [attempt('a')];
  await keeper.renew();
  expect(renewals()).toEqual([
    {
      worker: 'w', incarnation: 'i', queues: ['default'], slots: 4, hostname: 'h', version: '1', draining: false, sequence: 1, predecessorReaped: true,
      attempts: [{ attemptId: 'a', epoch: 1 }, { attemptId: 'reported', epoch: 9 }],
    },
  ]);
});

test('that the predecessor is reaped is said until a renewal is granted', async () => {
  await keeper.renew();
  await keeper.renew();
  keeper.onGranted({ sequence: 1, revoked: [] });
  await keeper.renew();
  expect(renewals().map((renewal) => renewal.predecessorReaped)).toEqual([true, true, undefined]);
});

test('a lease lasts half of lostAfter, counted from the sending of the renewal that was granted', async () => {
  held = [attempt('a')];
  await keeper.renew();
  nowMs = 5_000;
  keeper.onGranted({ sequence: 1, revoked: [] });
  nowMs = 6_000;
  keeper.expire();
  expect(expired).toEqual([]);
  nowMs = 6_001;
  keeper.expire();
  expect(expired).toEqual(['a']);
});

test('an attempt that a renewal did not name is not renewed by its grant', async () => {
  await keeper.renew();
  held = [attempt('late')];
  nowMs = 3_000;
  keeper.onGranted({ sequence: 1, revoked: [] });
  nowMs = 6_001;
  keeper.expire();
  expect(expired).toEqual(['late']);
});

test('grants out of order never make a lease shorter', async () => {
  held = [attempt('a')];
  await keeper.renew();
  nowMs = 4_000;
  await keeper.renew();
  keeper.onGranted({ sequence: 2, revoked: [] });
  keeper.onGranted({ sequence: 1, revoked: [] });
  nowMs = 8_999;
  keeper.expire();
  expect(expired).toEqual([]);
});

test('what a grant revokes is told, and is not renewed by it', async () => {
  held = [attempt('a'), attempt('b')];
  await keeper.renew();
  nowMs = 3_000;
  await keeper.renew();
  keeper.onGranted({ sequence: 2, revoked: [{ attemptId: 'a', epoch: 1 }] });
  expect(revoked).toEqual(['a@1']);
  nowMs = 6_001;
  keeper.expire();
  expect(expired).toEqual(['a']);
});

test('a renewal that fails is not repeated, the next says it all; one that hangs holds back the next', async () => {
  bus.down = true;
  await keeper.renew();
  bus.down = false;
  bus.held = true;
  const hanging = keeper.renew();
  await keeper.renew();
  bus.open[0]?.accept();
  await hanging;
  bus.held = false;
  await keeper.renew();
  expect(renewals().map((renewal) => renewal.sequence)).toEqual([2, 3]);
});

test('a grant of a renewal that it never sent counts for nothing', () => {
  keeper.onGranted({ sequence: 77, revoked: [{ attemptId: 'a', epoch: 1 }] });
  expect(keeper.grantedAgoMs()).toBeUndefined();
  expect(revoked).toEqual([]);
});
