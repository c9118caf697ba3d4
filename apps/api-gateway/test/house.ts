import { tmpdir } from 'node:os';
import { TOPICS, type CommandBody, type CommandOutcome, type LogEraser, type LogReader, type LogSlice } from '@dagbook/contracts';
import { formatPosition, type EventStore } from '@dagbook/event-store';
import type { Json } from '@dagbook/domain';
import { MemoryBroker, type Listener } from '@dagbook/messaging';
import { silentLog, systemClock } from '@dagbook/platform';
import type { TestPostgres } from '@dagbook/testkit';
import { hashPassword } from '../src/auth/password.ts';
import { readKeyRing } from '../src/secret/key-ring.ts';
import { startApiGateway, type RunningApiGateway } from '../src/service.ts';

export const TOKEN_SECRET = 'attempt-token-secret-of-the-tests';
export const SECRETS_KEY = 'a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f91';
export const WORKER_SECRET = 'worker-secret-of-the-tests';

/** A gateway over real Postgres, with the parts beside it played by the test. */
export class House {
  readonly gateway: RunningApiGateway;
  readonly broker: MemoryBroker;
  readonly store: EventStore;
  #token = '';
  #scheduler: Listener | undefined;

  private constructor(gateway: RunningApiGateway, broker: MemoryBroker, store: EventStore) {
    this.gateway = gateway;
    this.broker = broker;
    this.store = store;
  }

  static async open(postgres: TestPostgres, options: { readonly logs?: LogReader & LogEraser; readonly webFolder?: string; readonly secretsKeys?: string; readonly xcomStore?: string; readonly testsConnections?: boolean } = {}): Promise<House> {
    const broker = new MemoryBroker();
    const gateway = await startApiGateway({
      stores: postgres.stores,
      databaseUrl: postgres.url,
      broker,
      logReader: options.logs ?? new TextLog(''),
      clock: systemClock,
      log: silentLog,
      config: {
        port: 0,
        version: '0.1.0-test',
        webFolder: options.webFolder ?? `${tmpdir()}/no-web-here`,
        users: [
          { username: 'admin', role: 'admin', passwordHash: await hashPassword('right horse') },
          { username: 'guest', role: 'viewer', passwordHash: await hashPassword('only looking') },
        ],
        jwtSecret: 'jwt-secret-of-the-tests',
        tokenSecret: TOKEN_SECRET,
        workerSecret: WORKER_SECRET,
        secretSources: { env: { DAGBOOK_CONN_LAKE: '{"conn_type":"aws","login":"key"}', DAGBOOK_VAR_REGION: 'ap-northeast-2' } },
        xcomStore: options.xcomStore ?? null,
        ...(options.testsConnections === undefined ? {} : { testsConnections: options.testsConnections }),
        secretKeys: readKeyRing(options.secretsKeys ?? SECRETS_KEY),
      },
    });
    const house = new House(gateway, broker, postgres.stores.events);
    house.#token = await house.signIn('admin', 'right horse');
    return house;
  }

  /** A scheduler that answers every command as `decide` says. */
  async answerCommands(decide: (dagId: string, body: CommandBody) => Promise<CommandOutcome>): Promise<void> {
    await this.#scheduler?.close();
    this.#scheduler = await this.broker.listen({
      service: 'scheduler',
      instance: 'test',
      subscriptions: [{ topic: TOPICS.commands.name, mode: 'broadcast' }],
      handlerOf: () => async () => {
        for (const command of await this.store.pendingCommands({})) {
          const outcome = await decide(command.dagId, command.body as unknown as CommandBody);
          await this.store.append([{ streamId: '', expectedVersion: 0, events: [], outcomes: [{ commandId: command.commandId, outcome: outcome as unknown as Json }] }]);
        }
      },
    });
  }

  async signIn(username: string, password: string): Promise<string> {
    const response = await fetch(`${this.gateway.url}/auth/token`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username, password }) });
    return ((await response.json()) as { access_token: string }).access_token;
  }

  async ask(method: string, path: string, options: { readonly body?: unknown; readonly headers?: Record<string, string>; readonly token?: string | null } = {}): Promise<{ status: number; body: any; headers: Headers }> {
    const token = options.token === undefined ? this.#token : options.token;
    const response = await fetch(this.gateway.url + path, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      redirect: 'manual',
      ...(options.body === undefined ? {} : { body: typeof options.body === 'string' ? options.body : JSON.stringify(options.body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    return { status: response.status, body: isJson ? JSON.parse(text) : text, headers: response.headers };
  }

  get(path: string): Promise<{ status: number; body: any; headers: Headers }> {
    return this.ask('GET', path);
  }

  /** Resolves once queries see everything appended so far. */
  async caughtUp(): Promise<void> {
    const feed = await this.store.feed({ xid: '0', pos: '0' }, 1_000_000);
    const last = feed.at(-1);
    if (last !== undefined && !(await this.gateway.readModelsReached(formatPosition(last.position)))) throw new Error('the read models did not catch up');
  }

  async close(): Promise<void> {
    await this.#scheduler?.close();
    await this.gateway.stop();
    await this.broker.close();
  }
}

/** A log that is complete. */
export class TextLog implements LogReader, LogEraser {
  readonly erased: string[] = [];
  readonly #bytes: Buffer;
  constructor(text: string) {
    this.#bytes = Buffer.from(text);
  }
  async read({ tailBytes, fromByte = tailBytes === undefined ? 0 : this.#lineAfter(this.#bytes.length - tailBytes), maxBytes }: { fromByte?: number; tailBytes?: number; maxBytes: number }): Promise<LogSlice> {
    const end = Math.min(this.#bytes.length, fromByte + maxBytes);
    return { fromByte, nextByte: end, text: this.#bytes.subarray(fromByte, end).toString(), ended: end === this.#bytes.length };
  }
  async eraseRun({ dagId, runId }: { dagId: string; runId: string }): Promise<void> {
    this.erased.push(`${dagId}/${runId}`);
  }
  /** Where the first whole line from `byte` on begins. */
  #lineAfter(byte: number): number {
    return byte <= 0 ? 0 : this.#bytes.indexOf('\n', byte - 1) + 1;
  }
  async *follow({ fromByte }: { fromByte: number }): AsyncIterable<LogSlice> {
    yield await this.read({ fromByte, maxBytes: this.#bytes.length });
  }
}
