import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { assignmentTopic, type ExecutionApi, TOPICS, type WorkerStopped } from '@dagbook/contracts';
import { DagbookTransport, type MessageBroker } from '@dagbook/messaging';
import { removeContainersOf } from '@dagbook/operators';
import type { Clock, Log, RunningService } from '@dagbook/platform';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AssignmentController } from './assignment-controller.ts';
import { AttemptSecrets } from './attempt-secrets.ts';
import { BundleCache } from './bundle-cache.ts';
import { connectionTests } from './connection-test.ts';
import { leftoverLoop } from './leftover.loop.ts';
import { LargeResults } from './large-results.ts';
import { LogShipper } from './log-shipper.ts';
import { Predecessor } from './predecessor.ts';
import { preparation } from './preparation.ts';
import { ReportOutbox } from './report-outbox.ts';
import { rememberingResults } from './result-cache.ts';
import { RunnerPool } from './runner-pool.ts';
import type { RunnerProcess } from './runner-process.ts';
import { Supervisor, type WorkerStats } from './supervisor.ts';
import { TriggerHost } from './trigger-host.ts';
import { DEFAULT_TIMING, type WorkerOptions } from './worker-options.ts';

export interface WorkerPorts {
  readonly broker: MessageBroker;
  readonly executionApi: ExecutionApi;
  readonly options: WorkerOptions;
  readonly clock: Clock;
  readonly log: Log;
  /** The bus listener is beyond mending. */
  readonly onFatal?: (error: unknown) => void;
}

export interface RunningWorker extends RunningService {
  readonly incarnation: string;
  stats(): WorkerStats;
  /** Milliseconds since the bus was last heard. */
  busProgressAgeMs(): number;
}

const DRAIN_MS = 30_000;
/** What a stop waits for answers to its last reports; what is not answered is sent again by the next incarnation. */
const ACKNOWLEDGE_MS = 2_000;
const MAX_BUNDLES_PER_RUNNER = 16;
/** Callbacks at a time; the others of the worker wait for them. */
const CALLBACK_RUNNERS = 2;

@Module({})
class WorkerModule {}

/**
 * Starts a worker on its slot: kills what a dead predecessor left, listens to the slot's assignments, then says that it
 * is there, with the reports that the predecessor could not deliver. Throws `WorkerFault` when the slot is taken.
 */
export async function startWorker(ports: WorkerPorts): Promise<RunningWorker> {
  const { broker, options, clock, log } = ports;
  const executionApi = rememberingResults(ports.executionApi);
  const timing = { ...DEFAULT_TIMING, ...options.timing };
  const publisher = broker.publisher();
  const incarnation = randomUUID();

  const predecessor = new Predecessor(options.stateDir);
  predecessor.claim();
  const reaped = await predecessor.reap();
  if (reaped.length > 0) log.warn('killed what the predecessor on this slot left running', { pids: reaped });

  const outbox = new ReportOutbox({ stateDir: options.stateDir, publisher, log, resendEveryMs: timing.resendEveryMs, startedHoldMs: timing.startedHoldMs });
  const secrets = new AttemptSecrets();
  const logs = new LogShipper({ stateDir: options.stateDir, publisher, clock, log, mask: (attemptId, lines) => secrets.masked(attemptId, lines) });
  const bundles = new BundleCache(options.stateDir, executionApi, clock);
  const largeResults = new LargeResults(options.stateDir, executionApi);
  const alive = new Set<string>();
  const runnerOptions = {
    childEntry: options.childEntry,
    sdkPath: options.sdkPath,
    resultsFolder: largeResults.folder,
    nodeArguments: ['--enable-source-maps', '--disable-warning=ExperimentalWarning', ...(options.runnerHeapMb === undefined ? [] : [`--max-old-space-size=${options.runnerHeapMb}`])],
    env: options.childEnv,
    mark: `${predecessor.mark}${incarnation}-`,
    maxBundles: MAX_BUNDLES_PER_RUNNER,
    onSpawn: (runner: RunnerProcess) => {
      alive.add(runner.mark);
      predecessor.add(runner.pid, runner.startTicks);
    },
    onGone: (runner: RunnerProcess) => {
      alive.delete(runner.mark);
      predecessor.remove(runner.pid);
      largeResults.forget(runner.pid);
      void removeContainersOf({ runner: runner.mark });
    },
  };
  const pool = new RunnerPool({
    ...runnerOptions,
    warm: Math.min(options.warmRunners ?? Math.min(2, availableParallelism()), options.slots),
    max: options.slots,
    growAfterMs: timing.growAfterMs,
    idleMs: timing.idleRunnerMs,
  });
  const callbackPool = new RunnerPool({ ...runnerOptions, mark: `${runnerOptions.mark}callback`, warm: 0, max: CALLBACK_RUNNERS, growAfterMs: timing.growAfterMs, idleMs: timing.idleRunnerMs });
  const triggers = new TriggerHost(runnerOptions);
  const prepared = preparation({ ...runnerOptions, mark: `${runnerOptions.mark}preparation`, stateDir: options.stateDir, api: executionApi, files: bundles.files, log });
  const tests = connectionTests({ ...runnerOptions, mark: `${runnerOptions.mark}test`, stateDir: options.stateDir, worker: options.slotName, queues: options.queues, api: executionApi, clock, log });
  const leftovers = leftoverLoop({ worker: predecessor.mark.split('-')[0] as string, isAlive: (runner) => alive.has(runner), log });
  await leftovers.runOnce();
  const supervisor = new Supervisor({ options, timing, incarnation, publisher, executionApi, clock, log, pool, callbackPool, triggers, outbox, logs, secrets, bundles, largeResults });

  const module: DynamicModule = { module: WorkerModule, controllers: [AssignmentController], providers: [{ provide: Supervisor, useValue: supervisor }] };
  const strategy = new DagbookTransport({
    broker,
    service: 'worker',
    instance: options.slotName,
    subscriptions: [{ topic: assignmentTopic(options.slotName).name, mode: 'broadcast' }],
    ...(ports.onFatal === undefined ? {} : { onFatal: ports.onFatal }),
  });
  const app = await NestFactory.createMicroservice(module, { strategy, logger: false });
  bundles.prune();
  pool.start();
  callbackPool.start();
  await app.listen();
  outbox.start();
  logs.start();
  supervisor.start();
  leftovers.start();
  prepared.start();
  tests.start();

  const stop = async (deadlineMs: number): Promise<void> => {
    await supervisor.drain(deadlineMs);
    await Promise.all([leftovers.stop(), prepared.close(), tests.close()]);
    await Promise.all([pool.close(), callbackPool.close(), triggers.close()]);
    await outbox.flush();
    await outbox.acknowledged(Math.min(ACKNOWLEDGE_MS, deadlineMs));
    await logs.stop(Math.min(5_000, deadlineMs));
    const data: WorkerStopped = { worker: options.slotName, incarnation };
    await publisher
      .publish([{ topic: TOPICS.workers.name, key: options.slotName, type: 'WorkerStopped', data }])
      .catch((error: unknown) => log.warn('could not say that the worker stops; its silence will tell', { error: String(error) }));
    await app.close();
    await outbox.close();
    predecessor.release();
  };
  let stopping: Promise<void> | undefined;
  return {
    name: 'worker',
    incarnation,
    stats: () => supervisor.stats(),
    busProgressAgeMs: () => strategy.progressAgeMs(),
    stop: (deadlineMs = DRAIN_MS) => (stopping ??= stop(deadlineMs)),
  };
}
