import 'reflect-metadata';
import { hostname } from 'node:os';
import { partitionOf, TOPICS } from '@dagbook/contracts';
import type { Stores } from '@dagbook/event-store';
import { DagbookTransport, type MessageBroker } from '@dagbook/messaging';
import type { AlarmClock, Log, Metrics, RunningService, SpanSink } from '@dagbook/platform';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AssetConsumer } from './asset.consumer.ts';
import { AssetLoop } from './asset.loop.ts';
import { BundleIntake, type DagBundleSource } from './bundle-intake.ts';
import { CommandIntake } from './command-intake.ts';
import { CommandConsumer } from './command.consumer.ts';
import { DagDesk } from './dag-desk.ts';
import { Ownership } from './ownership.loop.ts';
import { Overheard } from './overheard.ts';
import { PlanLibrary } from './plan-library.ts';
import { RelayLoop } from './relay.loop.ts';
import { reconcileLoop } from './reconcile.loop.ts';
import { ReportConsumer } from './report.consumer.ts';
import { RunEngine } from './run-engine.ts';
import { RunMetrics } from './run-metrics.ts';
import { RunTracer } from './run-tracer.ts';
import { ReportGate } from './report-gate.ts';
import { TimetableDesk } from './timetable-desk.ts';
import { LOG, PUBLISHER, STORE } from './token.ts';
import { WatcherConsumer } from './watcher.consumer.ts';
import { WatcherDesk } from './watcher-desk.ts';

export interface SchedulerPorts {
  readonly stores: Stores;
  readonly broker: MessageBroker;
  /** Where DAG files are found and parsed. */
  readonly bundles: DagBundleSource;
  readonly tokenSecret: string;
  readonly spans: SpanSink;
  readonly metrics: Metrics;
  readonly clock: AlarmClock;
  readonly log: Log;
  /** Tells schedulers apart. Default: host and process. */
  readonly instance?: string;
  /** How often free partitions are tried for. Default 200 ms. */
  readonly ownershipEveryMs?: number;
  /** How often lost hints are looked for. Default 2 s. */
  readonly reconcileEveryMs?: number;
  /** Whether new DAGs that say nothing of it are paused. Default false. */
  readonly pausedAtCreation?: boolean;
  /** Whether stored events go to `dagbook.events` for integrations. Default false: in one process nobody listens. */
  readonly relay?: boolean;
  readonly onFatal?: (error: unknown) => void;
}

export interface RunningScheduler extends RunningService {
  readonly ownedPartitions: () => number;
}

@Module({})
class SchedulerModule {}

/** Starts a scheduler: it takes its share of the partitions and decides for their DAGs. */
export async function startScheduler(ports: SchedulerPorts): Promise<RunningScheduler> {
  const { stores, broker, clock, log, tokenSecret } = ports;
  const store = stores.events;
  const publisher = broker.publisher();
  const instance = ports.instance ?? `${hostname()}-${process.pid}`;
  const plans = new PlanLibrary(store);
  const tracer = new RunTracer(ports.spans);
  const measures = new RunMetrics(ports.metrics);
  const watchers = new WatcherDesk({ store, publisher, announce: (position) => assets.announce(position), clock, log });
  const desk = new DagDesk({ store, plans, timetables: new TimetableDesk({ store, source: ports.bundles, clock, log }), engine: () => engine, clock, log, assetFeed: () => assets, watchers, pausedAtCreation: ports.pausedAtCreation ?? false });
  const assets: AssetLoop = new AssetLoop({ store, desk: desk.assets, publisher, everyMs: ports.reconcileEveryMs ?? 2_000, log });
  const engine: RunEngine = new RunEngine({
    store,
    publisher,
    plans,
    clock,
    log,
    results: { keep: (key, value) => store.putContent('xcom', key, new TextEncoder().encode(JSON.stringify(value))) },
    owns: (dagId) => ownership.owns(dagId),
    isPaused: desk.isPaused,
    onRunsFolded: desk.onRunsFolded,
    onEvents: (run, events) => {
      desk.onRunEvents(run, events);
      tracer.recorded(run, events);
      measures.recorded(run, events);
    },
  });
  const ownership: Ownership = new Ownership({
    instance,
    ownership: stores.ownership,
    publisher,
    everyMs: ports.ownershipEveryMs ?? 200,
    clock,
    log,
    onTaken: async (partitions) => {
      const taken = (dagId: string): boolean => partitions.includes(partitionOf(dagId));
      const dagIds = (await store.listStreams('dag-')).map((streamId) => streamId.slice('dag-'.length)).filter(taken);
      const dags = await desk.take(dagIds);
      await engine.adopt((await store.openRuns()).filter((key) => taken(key.dagId)));
      app.get(ReportConsumer).catchUp();
      // What was lost while it was being folded is not ours to wake.
      desk.drop(ownership.owns);
      desk.wakeAll(dags);
      await intake.takeUp();
      bundles.wake();
    },
    onGivenUp: async () => {
      engine.drop(ownership.owns);
      desk.drop(ownership.owns);
    },
  });
  const intake = new CommandIntake(store, desk, ownership.owns, log);
  const bundles = new BundleIntake({ source: ports.bundles, store, desk, owns: ownership.owns, clock, log });
  const reconcile = reconcileLoop({ engine, intake, watchers, everyMs: ports.reconcileEveryMs ?? 2_000, clock, log });
  const relay = ports.relay === true ? new RelayLoop({ stores, publisher, log }) : undefined;
  const strategy = new DagbookTransport({
    broker,
    service: 'scheduler',
    instance,
    subscriptions: [
      { topic: TOPICS.reports.name, mode: 'broadcast' },
      { topic: TOPICS.commands.name, mode: 'broadcast' },
      { topic: TOPICS.assetEvents.name, mode: 'shared' },
    ],
    ...(ports.onFatal === undefined ? {} : { onFatal: ports.onFatal }),
  });
  const app = await NestFactory.createMicroservice(
    {
      module: SchedulerModule,
      controllers: [ReportConsumer, CommandConsumer, AssetConsumer, WatcherConsumer],
      providers: [
        { provide: RunEngine, useValue: engine },
        { provide: Ownership, useValue: ownership },
        { provide: AssetLoop, useValue: assets },
        { provide: CommandIntake, useValue: intake },
        { provide: Overheard, useValue: new Overheard(clock) },
        { provide: PUBLISHER, useValue: publisher },
        { provide: ReportGate, useValue: new ReportGate(tokenSecret, publisher, log) },
        { provide: WatcherDesk, useValue: watchers },
        { provide: STORE, useValue: store },
        { provide: LOG, useValue: log },
      ],
    },
    { strategy, logger: false },
  );
  await app.listen();
  engine.start();
  ownership.start();
  await bundles.start();
  reconcile.start();
  assets.start();
  relay?.start();

  ports.metrics.gauge('dagbook_scheduler_unfinished_runs', 'Unfinished runs that this scheduler holds folded', () => engine.hotRuns.size);
  ports.metrics.gauge('dagbook_scheduler_partitions', 'Partitions of DAGs that this scheduler owns', () => ownership.partitions.size);
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await bundles.stop();
    await reconcile.stop();
    await assets.stop();
    await relay?.stop();
    desk.stop();
    await app.close();
    await engine.stop();
    await ownership.stop();
    await ports.spans.close();
  };
  return { name: 'scheduler', ownedPartitions: () => ownership.partitions.size, stop: () => (stopping ??= stop()) };
}
