import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import type { ExecutionApi, LogEraser, LogReader } from '@dagbook/contracts';
import { DEFAULT_STATE_STORE_POLICY, type StateStorePolicy } from '@dagbook/domain';
import { createPool, parsePosition, RunEraser, StateStore, type PostgresStores } from '@dagbook/event-store';
import type { MessageBroker } from '@dagbook/messaging';
import { objectStoreAt } from '@dagbook/object-store';
import { errorAttributes, type AlarmClock, type Log, type RunningService } from '@dagbook/platform';
import { PlanCache } from '@dagbook/read-models';
import type { INestApplication, Provider } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { ApiGatewayModule } from './app.module.ts';
import { AuthGuard } from './auth/auth.guard.ts';
import { SignIn, type User } from './auth/sign-in.ts';
import { TokenDesk } from './auth/token-desk.ts';
import { CommandDesk } from './command/command-desk.ts';
import { addBodyParsers } from './error/body-parser.ts';
import { ErrorFilter } from './error/error.filter.ts';
import { OtherRuns } from './execution/other-run.ts';
import { ResultStore } from './execution/result-store.ts';
import { StoredExecutionApi } from './execution/stored-execution-api.ts';
import { openApiDocument } from './openapi.ts';
import { PoolDirectory } from './pool/pool-directory.ts';
import { ReadModelFeed } from './read-model-feed.ts';
import { Reader } from './reader.ts';
import { addSecurityHeaders } from './security-headers.ts';
import type { KeyRing } from './secret/key-ring.ts';
import { ConnectionTests } from './secret/connection-tests.ts';
import { checkedEnvironment, SecretLookup, type SecretSources } from './secret/secret-lookup.ts';
import { SecretStore } from './secret/secret-store.ts';
import { AttemptStates } from './state/attempt-states.ts';
import { StateSweeper } from './state/state-sweeper.ts';
import { withKeyInOneSegment } from './state/state-request.ts';
import { ChangeHub } from './stream/change-hub.ts';
import { RunSweeper } from './run-sweeper.ts';
import { SystemHealth } from './system-health.ts';
import { openTlsDoor, type TlsDoorOptions } from './tls-door.ts';
import { BUNDLES, CLOCK, COOKIE_IS_SECURE, LEASES, LOG_READER, STATE_STORE_POLICY, VERSION, WORKER_SECRET } from './token.ts';
import { NeedsOfDags } from './waiting/dag-needs.ts';
import { SlotWatch } from './waiting/slot-watch.ts';
import { serveWeb } from './web.ts';
import { WorkerWatch } from './worker/worker-watch.ts';

export interface ApiGatewayPorts {
  /** The journal; its pool carries the projection. Not closed here. */
  readonly stores: PostgresStores;
  /** Queries have a pool of their own on this database. */
  readonly databaseUrl: string;
  readonly broker: MessageBroker;
  readonly logReader: LogReader & LogEraser;
  readonly config: ApiGatewayConfig;
  readonly clock: AlarmClock;
  readonly log: Log;
  readonly onFatal?: (error: unknown) => void;
}

export interface ApiGatewayConfig {
  /** 0: a free port. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly version: string;
  /** Folder of the built web UI. */
  readonly webFolder: string;
  readonly users: readonly User[];
  /** Signs people's tokens. */
  readonly jwtSecret: string;
  /** Signs attempts' tokens: the dispatcher's. */
  readonly tokenSecret: string;
  /** What workers show to fetch code. */
  readonly workerSecret: string;
  /** Where connections and variables are looked for before the store is. */
  readonly secretSources: SecretSources;
  /** null: nothing can be stored, or read from what is. */
  readonly secretKeys: KeyRing | null;
  /** Workers test connections when somebody asks. Default false, as in Airflow. */
  readonly testsConnections?: boolean;
  /** Where results of over 256 KB go: `file:///folder` or `s3://bucket/prefix`. null: to Postgres, up to 16 MB. */
  readonly xcomStore: string | null;
  /** Default: Airflow's. */
  readonly stateStore?: StateStorePolicy;
  /** The cookie goes over HTTPS only. Default false: `npm start` serves HTTP on this machine. */
  readonly cookieIsSecure?: boolean;
  /** A second door, over TLS; absent: there is none. */
  readonly tls?: Omit<TlsDoorOptions, 'host'>;
}

export interface RunningApiGateway extends RunningService {
  readonly url: string;
  /** Of the door over TLS; 0: there is none. */
  readonly tlsPort: number;
  /** For workers of the same process. */
  readonly executionApi: ExecutionApi;
  /** A link that signs this user in, once. */
  loginLink(username: string): string;
  /** Something was appended in this process: the read models look at once. */
  wakeReadModels(): void;
  /** True once queries see what was appended up to this position; false when that takes longer than 5 s. */
  readModelsReached(position: string): Promise<boolean>;
  /** undefined: well. */
  readModelsFailure(): string | undefined;
}

const BODY_BYTES = 1024 * 1024;
const RESULT_BODY_BYTES = 17 * 1024 * 1024;
/** Ids of up to 250 characters and keys of states of up to 512, percent-encoded. */
const MAX_PATH_PARAM = 5_000;

/** Starts an api-gateway: REST, the page, live streams, the workers' execution API, and its share of the read models. */
export async function startApiGateway(ports: ApiGatewayPorts): Promise<RunningApiGateway> {
  const { stores, broker, clock, log, config } = ports;
  const reads = createPool({ url: ports.databaseUrl, maxConnections: 8, applicationName: 'dagbook-gateway-reads', settings: { statement_timeout: '10s' } });
  const plans = new PlanCache((hash) => stores.events.getContent('plan', hash));
  const feed = new ReadModelFeed({ stores, plans, clock, log });
  const hub = new ChangeHub(feed, reads);
  const tokens = new TokenDesk({ secret: config.jwtSecret, db: reads, clock });
  const signIn = new SignIn({ users: config.users, tokens, clock });
  const pools = new PoolDirectory(stores.events);
  const workers = new WorkerWatch({ broker, store: stores.events, clock, ...(ports.onFatal === undefined ? {} : { onFatal: ports.onFatal }) });
  const slots = new SlotWatch({ workers, leases: stores.leases, pools });
  const reader = new Reader({ db: reads, plans, store: stores.events, slots, clock });
  const commands = new CommandDesk({ store: stores.events, publisher: broker.publisher(), feed, clock, log });
  checkedEnvironment(config.secretSources.env);
  const secretStore = new SecretStore({ store: stores.events, keys: config.secretKeys, clock });
  const objects = config.xcomStore === null ? null : objectStoreAt(config.xcomStore);
  const results = new ResultStore(stores.events, objects);
  const policy = config.stateStore ?? DEFAULT_STATE_STORE_POLICY;
  const states = new StateStore(stores.pool);
  const connectionTests = new ConnectionTests({ db: stores.pool, keys: config.secretKeys, clock, isEnabled: config.testsConnections ?? false });
  const executionApi = new StoredExecutionApi({ feed, connectionTests, store: stores.events, results, states: new AttemptStates({ states, db: reads, policy }), db: reads, tokenSecret: config.tokenSecret, secrets: new SecretLookup(config.secretSources, secretStore), otherRuns: new OtherRuns(commands, reader) });

  const sweeper = new RunSweeper({ eraser: new RunEraser(stores.pool), elsewhere: [ports.logReader, results], log });
  const stateSweeper = new StateSweeper({ states, db: reads, policy, log });
  const app = await createApp(log, tokens, [
    { provide: Reader, useValue: reader },
    { provide: CommandDesk, useValue: commands },
    { provide: ChangeHub, useValue: hub },
    { provide: TokenDesk, useValue: tokens },
    { provide: SignIn, useValue: signIn },
    { provide: StoredExecutionApi, useValue: executionApi },
    { provide: ResultStore, useValue: results },
    { provide: StateStore, useValue: states },
    { provide: STATE_STORE_POLICY, useValue: policy },
    { provide: SecretStore, useValue: secretStore },
    { provide: ConnectionTests, useValue: connectionTests },
    { provide: PoolDirectory, useValue: pools },
    { provide: WorkerWatch, useValue: workers },
    { provide: NeedsOfDags, useValue: new NeedsOfDags(reads, plans) },
    { provide: LEASES, useValue: stores.leases },
    { provide: SystemHealth, useValue: new SystemHealth({ db: reads, feed, clock }) },
    { provide: BUNDLES, useValue: stores.bundles },
    { provide: CLOCK, useValue: clock },
    { provide: RunSweeper, useValue: sweeper },
    { provide: LOG_READER, useValue: ports.logReader },
    { provide: VERSION, useValue: config.version },
    { provide: WORKER_SECRET, useValue: config.workerSecret },
    { provide: COOKIE_IS_SECURE, useValue: config.cookieIsSecure ?? false },
  ]);
  const http = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  let document: string | undefined;
  http.get('/openapi.json', async (_, reply) => reply.type('application/json').send((document ??= JSON.stringify(openApiDocument(app, config.version)))));
  await serveWeb(http, config.webFolder);
  hub.start();
  feed.start();
  // Requests need not wait for the bus: until a worker is heard, a task waits for one.
  workers.start().catch((error: unknown) => {
    log.error('the workers cannot be listened to', errorAttributes(error));
    ports.onFatal?.(error);
  });
  sweeper.start();
  stateSweeper.start();
  const host = config.host ?? '127.0.0.1';
  await app.listen(config.port, host);
  const tls = config.tls === undefined ? undefined : await openTlsDoor(http, { ...config.tls, host });
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`;

  let stopping: Promise<void> | undefined;
  const stop = async (deadlineMs?: number): Promise<void> => {
    hub.stop();
    await workers.stop();
    await tls?.close();
    await app.close();
    await sweeper.stop(deadlineMs);
    await stateSweeper.stop(deadlineMs);
    await feed.stop(deadlineMs);
    await reads.end();
    objects?.close();
  };
  return {
    name: 'api-gateway',
    url,
    tlsPort: tls?.port ?? 0,
    executionApi,
    loginLink: (username) => `${url}/auth/login/once?code=${signIn.issueCode(username)}`,
    wakeReadModels: () => feed.wake(),
    readModelsReached: (position) => feed.reached(parsePosition(position), 5_000),
    readModelsFailure: () => feed.failure,
    stop: (deadlineMs) => (stopping ??= stop(deadlineMs)),
  };
}

async function createApp(log: Log, tokens: TokenDesk, providers: Provider[]): Promise<NestFastifyApplication & INestApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_BYTES,
    forceCloseConnections: true,
    rewriteUrl: (request: { readonly url?: string | undefined }) => withKeyInOneSegment(request.url ?? '/'),
    routerOptions: { maxParamLength: MAX_PATH_PARAM },
    // Before any route: a path that is not percent-encoded UTF-8.
    frameworkErrors: (_error: unknown, _request: unknown, reply: FastifyReply) => void reply.status(400).send({ detail: 'The path cannot be read: it must be percent-encoded UTF-8' }),
  });
  const http = adapter.getInstance() as unknown as FastifyInstance;
  addSecurityHeaders(http);
  addBodyParsers(http);
  http.addHook('onRoute', (route) => {
    if (route.url === '/execution/results') route.bodyLimit = RESULT_BODY_BYTES;
  });
  const app = await NestFactory.create<NestFastifyApplication>(ApiGatewayModule.with(providers), adapter, { logger: false, bodyParser: false });
  app.useGlobalGuards(new AuthGuard(tokens));
  app.useGlobalFilters(new ErrorFilter(log));
  await app.init();
  return app;
}
