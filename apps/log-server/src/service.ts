import 'reflect-metadata';
import { hostname } from 'node:os';
import type { LogEraser, LogReader } from '@dagbook/contracts';
import { TOPICS } from '@dagbook/contracts';
import { DiskLogStore } from '@dagbook/logs';
import { objectStoreAt } from '@dagbook/object-store';
import { DagbookTransport, type MessageBroker } from '@dagbook/messaging';
import { type Clock, errorAttributes, type Log, type RunningService } from '@dagbook/platform';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { LogChunkConsumer } from './log-chunk.consumer.ts';
import { LogController, ReaderGuard } from './log.controller.ts';
import { LOG_STORE, READER_SECRET } from './token.ts';

export interface LogServerPorts {
  readonly broker: MessageBroker;
  /** Where the logs lie; made when missing. Only one log-server may write below it. */
  readonly folder: string;
  /** Where they go when they have ended: `s3://bucket/prefix` or `file:///folder`. Absent: they stay in the folder. */
  readonly logStore?: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Readers in other processes; absent in standalone, where they use `reader`. */
  readonly http?: { readonly host: string; /** 0: a free one. */ readonly port: number; readonly secret: string };
  onFatal?(error: unknown): void;
}

export interface RunningLogServer extends RunningService {
  readonly reader: LogReader & LogEraser;
  /** `http://host:port` when it serves HTTP. */
  readonly url?: string;
  /** Why logs cannot be written; undefined: they can. */
  fault(): string | undefined;
  /** Milliseconds since the bus was last heard. */
  progressAgeMs(): number;
}

@Module({})
class LogServerModule {}

/** Starts the log-server: it takes `LogChunk`s to disk and serves what is there and what comes. */
export async function startLogServer(ports: LogServerPorts): Promise<RunningLogServer> {
  const { broker, clock, http, log } = ports;
  const store = await DiskLogStore.open({
    dir: ports.folder,
    nowMs: () => clock.nowMs(),
    // An acknowledgement that waits for the disk means something only to a bus that outlives this process.
    flush: http !== undefined,
    ...(ports.logStore === undefined ? {} : { objects: objectStoreAt(ports.logStore) }),
    onError: (error) => log.error('a log could not be written, mended or moved; it is tried again', errorAttributes(error)),
  });
  const strategy = new DagbookTransport({
    broker,
    service: 'log-server',
    instance: `${hostname()}-${process.pid}`,
    subscriptions: [{ topic: TOPICS.logs.name, mode: 'shared' }],
    onFatal: (error) => ports.onFatal?.(error),
  });
  const consuming: DynamicModule = { module: LogServerModule, controllers: [LogChunkConsumer], providers: [{ provide: LOG_STORE, useValue: store }] };
  const served = http === undefined ? await consume(consuming, strategy) : await consumeAndServe(consuming, strategy, http);

  const stop = async (): Promise<void> => {
    // First the store's followers: an open stream would keep the HTTP server from closing.
    await strategy.close();
    await store.close();
    await served.close();
  };
  let stopping: Promise<void> | undefined;
  return {
    name: 'log-server',
    reader: store,
    ...(served.url === undefined ? {} : { url: served.url }),
    fault: () => store.fault,
    progressAgeMs: () => strategy.progressAgeMs(),
    stop: () => (stopping ??= stop()),
  };
}

interface Served {
  readonly url?: string;
  close(): Promise<void>;
}

async function consume(module: DynamicModule, strategy: DagbookTransport): Promise<Served> {
  const app = await NestFactory.createMicroservice(module, { strategy, logger: false });
  await app.listen();
  return { close: () => app.close() };
}

async function consumeAndServe(module: DynamicModule, strategy: DagbookTransport, http: NonNullable<LogServerPorts['http']>): Promise<Served> {
  const serving: DynamicModule = {
    ...module,
    controllers: [...(module.controllers ?? []), LogController],
    providers: [...(module.providers ?? []), ReaderGuard, { provide: READER_SECRET, useValue: http.secret }],
  };
  const app = await NestFactory.create<NestFastifyApplication>(serving, new FastifyAdapter({ routerOptions: { maxParamLength: 1_000 }, forceCloseConnections: true }), { logger: false });
  app.connectMicroservice({ strategy });
  await app.startAllMicroservices();
  await app.listen(http.port, http.host);
  return { url: await app.getUrl(), close: () => app.close() };
}
