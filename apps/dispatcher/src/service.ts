import 'reflect-metadata';
import { hostname } from 'node:os';
import { TOPICS } from '@dagbook/contracts';
import type { Stores } from '@dagbook/event-store';
import { DagbookTransport, type MessageBroker } from '@dagbook/messaging';
import { errorAttributes, Leadership, WakeableLoop, type Clock, type Log, type Metrics, type RunningService } from '@dagbook/platform';
import { Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AdmissionDesk } from './admission-desk.ts';
import { AttemptConsumer } from './attempt.consumer.ts';
import { CommandConsumer } from './command.consumer.ts';
import { DeclarationDesk } from './declaration-desk.ts';
import { LeaseKeeper } from './lease-keeper.loop.ts';
import { PUBLISHER, STORE } from './token.ts';
import { WorkerConsumer } from './worker.consumer.ts';
import { WorkerRoster } from './worker-roster.ts';

export interface DispatcherPorts {
  readonly stores: Stores;
  readonly broker: MessageBroker;
  /** Signs attempt tokens; the scheduler and the gateway verify them with the same. */
  readonly tokenSecret: string;
  /** Pools that are declared when the dispatcher first leads, unless somebody has declared them. */
  readonly pools?: readonly { readonly pool: string; readonly slots: number; readonly includeDeferred: boolean }[];
  /** How often leases are looked at. Default 1 s. */
  readonly checkEveryMs?: number;
  /** How often a standby tries for the lead. Default 200 ms. */
  readonly retryMs?: number;
  /** A worker silent for this long gets no new work. Default 30 s. */
  readonly unreachableAfterMs?: number;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
  readonly onFatal?: (error: unknown) => void;
}

/** Only for commands whose hint was lost; the next round of admission, within a second, decides what is found. */
const LOOK_FOR_COMMANDS_MS = 5_000;

@Module({})
class DispatcherModule {}

/** Starts a dispatcher: it leads at once when nobody does, else stands by. */
export async function startDispatcher(ports: DispatcherPorts): Promise<RunningService & { readonly isLeading: () => boolean }> {
  const { stores, broker, clock, log, tokenSecret } = ports;
  const publisher = broker.publisher();
  const instance = `${hostname()}-${process.pid}`;
  const roster = new WorkerRoster(clock, ports.unreachableAfterMs);
  const declarations = new DeclarationDesk({ store: stores.events, roster, seeds: ports.pools ?? [], clock, log });
  const desk = new AdmissionDesk({ instance, store: stores.events, leases: stores.leases, publisher, roster, declarations, tokenSecret, clock, log });
  const lookout = new WakeableLoop({
    round: async () => {
      if (desk.isOpen) await declarations.look();
    },
    intervalMs: LOOK_FOR_COMMANDS_MS,
    onError: (error) => log.warn('commands could not be looked for; they are again in a moment', errorAttributes(error)),
  });
  const keeper = new LeaseKeeper({ desk, roster, leases: stores.leases, publisher, tokenSecret, checkEveryMs: ports.checkEveryMs ?? 1_000, clock, log });
  const leadership = new Leadership({
    ownership: stores.ownership,
    lock: 'dagbook.dispatcher',
    retryMs: ports.retryMs ?? 200,
    onLead: async () => {
      log.info('leads: admits attempts');
      await desk.open();
    },
    onStepDown: async () => {
      log.warn('does not lead any more');
      await desk.shut();
    },
    log,
  });
  const module: DynamicModule = {
    module: DispatcherModule,
    controllers: [AttemptConsumer, CommandConsumer, WorkerConsumer],
    providers: [
      { provide: AdmissionDesk, useValue: desk },
      { provide: LeaseKeeper, useValue: keeper },
      { provide: WorkerRoster, useValue: roster },
      { provide: PUBLISHER, useValue: publisher },
      { provide: STORE, useValue: stores.events },
    ],
  };
  const strategy = new DagbookTransport({
    broker,
    service: 'dispatcher',
    instance,
    subscriptions: [
      { topic: TOPICS.attempts.name, mode: 'broadcast' },
      { topic: TOPICS.commands.name, mode: 'broadcast' },
      // Whoever renewed just before this process began would else be unknown for as long as it takes to the next renewal.
      { topic: TOPICS.workers.name, mode: 'broadcast', replayMs: 10_000 },
    ],
    ...(ports.onFatal === undefined ? {} : { onFatal: ports.onFatal }),
  });
  const app = await NestFactory.createMicroservice(module, { strategy, logger: false });
  await app.listen();
  leadership.start();
  keeper.start();
  lookout.start();
  ports.metrics.gauge('dagbook_dispatcher_leading', '1 while this dispatcher admits', () => (leadership.isLeading ? 1 : 0));
  ports.metrics.gauge('dagbook_dispatcher_ready_attempts', 'Attempts that wait for a slot', () => desk.counts.ready);
  ports.metrics.gauge('dagbook_dispatcher_live_attempts', 'Attempts that hold a lease', () => desk.counts.live);
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await leadership.stop();
    await lookout.stop();
    await keeper.stop();
    await app.close();
  };
  return { name: 'dispatcher', isLeading: () => leadership.isLeading, stop: () => (stopping ??= stop()) };
}
