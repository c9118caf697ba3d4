import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { assignmentTopic, type AttemptAssigned, type AttemptAuth, type ConnectionTestAnswer, type ConnectionTestAsk, attemptId, type ExecutionApi, type LargeResult, largeResultKey, type Message, type MessageOf, type MessageType, type OtherRun, type OtherRunQuery, type PackedBundle, type PackedFiles, type RunRequest, type RunRequested, type StateAnswer, type Work, type XComAnswer } from '@dagbook/contracts';
import type { Json } from '@dagbook/domain';
import { MemoryBroker, type MessagePublisher, type OutgoingMessage } from '@dagbook/messaging';
import { type Log, silentLog, systemClock } from '@dagbook/platform';
import { type RunningWorker, startWorker } from '../src/service.ts';
import type { WorkerOptions, WorkerTiming } from '../src/worker-options.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const rooms = ['bundles', 'templates', 'domain', 'contracts', 'event-store', 'messaging', 'operators', 'platform', 'sdk'];
const alias = Object.fromEntries(rooms.map((room) => [`@dagbook/${room}`, join(root, `libs/${room}/src/index.ts`)]));

export interface BuiltFiles {
  readonly folder: string;
  readonly childEntry: string;
  readonly sdkPath: string;
  remove(): void;
}

/** Builds the runner and the SDK as the release does: bundled, packages external. `entries` are built beside them. */
export async function buildFiles(entries: Readonly<Record<string, string>> = {}): Promise<BuiltFiles> {
  const folder = mkdtempSync(join(root, 'node_modules/.worker-test-'));
  await build({
    entryPoints: {
      runner: fileURLToPath(new URL('../src/runner/entry.ts', import.meta.url)),
      sdk: alias['@dagbook/sdk'] as string,
      ...entries,
    },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    packages: 'external',
    alias,
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true } },
  });
  return {
    folder,
    childEntry: join(folder, 'runner.mjs'),
    sdkPath: join(folder, 'sdk.mjs'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A DAG file's text as the scheduler packs it. */
export function pack(code: string): PackedBundle {
  return { hash: createHash('sha256').update(code).digest('hex'), file: 'test.ts', code };
}

/** The gateway, of what a test put into it. */
export class FakeExecutionApi implements ExecutionApi {
  readonly bundles = new Map<string, PackedBundle>();
  readonly results = new Map<string, Json>();
  readonly variables = new Map<string, string>();
  readonly connections = new Map<string, { readonly [field: string]: Json }>();
  away = false;

  async bundle(hash: string): Promise<PackedBundle | null> {
    if (this.away) throw new Error('connection refused');
    return this.bundles.get(hash) ?? null;
  }
  readonly files = new Map<string, PackedFiles>();
  async bundleFiles(hash: string): Promise<PackedFiles | null> {
    return this.files.get(hash) ?? null;
  }
  async filesInUse(): Promise<readonly string[]> {
    return [...this.files.keys()];
  }
  readonly toTest: { readonly testId: string; readonly connection: { readonly [field: string]: Json } }[] = [];
  readonly tested: NonNullable<ConnectionTestAsk['done']>[] = [];
  async connectionTest({ done }: ConnectionTestAsk): Promise<ConnectionTestAnswer> {
    if (done !== undefined) this.tested.push(done);
    const test = this.toTest.shift();
    return { enabled: true, ...(test === undefined ? {} : { test }) };
  }
  async getResult(_auth: unknown, key: string): Promise<Json> {
    return this.results.get(key) ?? null;
  }
  async putResult(_auth: unknown, value: Json): Promise<{ key: string; bytes: number }> {
    const key = `result-${this.results.size}`;
    this.results.set(key, value);
    return { key, bytes: JSON.stringify(value).length };
  }
  readonly largeResults = new Map<string, Buffer>();
  async putLargeResult(auth: AttemptAuth, { bytes, sha256, open }: LargeResult): Promise<{ key: string; bytes: number }> {
    const key = largeResultKey(auth.attemptId, auth.epoch, sha256);
    this.largeResults.set(key, Buffer.concat(await Array.fromAsync(open())));
    return { key, bytes };
  }
  async *getLargeResult(_auth: unknown, key: string): AsyncGenerator<Uint8Array> {
    yield this.largeResults.get(key) ?? Buffer.alloc(0);
  }
  async connection(_auth: unknown, id: string): Promise<{ readonly [field: string]: Json } | null> {
    return this.connections.get(id) ?? null;
  }
  async xcom(): Promise<XComAnswer> {
    return { found: false };
  }
  async assetEvents(): Promise<[]> {
    return [];
  }

  async previousSuccess(): Promise<null> {
    return null;
  }
  async putRenderedFields(): Promise<void> {
    return undefined;
  }
  async variable(_auth: unknown, key: string): Promise<string | null> {
    return this.variables.get(key) ?? null;
  }
  async state(): Promise<StateAnswer> {
    return {};
  }
  async requestRun(_auth: unknown, { runId }: RunRequest): Promise<RunRequested> {
    return { kind: 'begun', runId: runId ?? 'begun' };
  }
  async findRun(_auth: unknown, { runId = 'r' }: OtherRunQuery): Promise<OtherRun> {
    return { runId, state: 'success', tasks: {}, unknownTasks: [] };
  }
}

/** Everything a worker publishes, to be waited for. */
export class Wire {
  readonly messages: Message[] = [];
  readonly broker: MemoryBroker;
  /** Whether publishing works; false: the broker is away. */
  up = true;
  readonly #waiters = new Set<() => void>();
  /** The other side's, which is never away. */
  readonly others: MessagePublisher;

  constructor() {
    this.broker = new MemoryBroker();
    const inner = this.broker.publisher();
    this.others = inner;
    this.broker.publisher = () => {
      return {
        publish: async (messages: readonly OutgoingMessage[]) => {
          if (!this.up) throw new Error('the broker is away');
          this.messages.push(...(messages as readonly Message[]));
          for (const waiter of this.#waiters) waiter();
          await inner.publish(messages);
        },
      };
    };
  }

  of<Type extends MessageType>(type: Type, attempt?: { readonly attemptId: string; readonly epoch: number }): MessageOf<Type>['data'][] {
    const found = this.messages.filter((message) => message.type === type).map((message) => message.data as MessageOf<Type>['data']);
    if (attempt === undefined) return found;
    return found.filter((data) => {
      const named = data as { readonly attemptId?: string; readonly epoch?: number };
      return named.attemptId === attempt.attemptId && named.epoch === attempt.epoch;
    });
  }

  /** Waits until what was published satisfies the condition, and answers what it found. */
  async until<T>(find: () => T | undefined | false, what: string, withinMs = 15_000): Promise<T> {
    const found = find();
    if (found !== undefined && found !== false) return found;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        const value = find();
        if (value === undefined || value === false) return;
        clearTimeout(timer);
        this.#waiters.delete(settle);
        resolve(value);
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(settle);
        reject(new Error(`waited ${withinMs} ms in vain: ${what}; published: ${this.messages.map((message) => message.type).join(', ')}`));
      }, withinMs);
      this.#waiters.add(settle);
    });
  }

  finished(attempt: { attemptId: string; epoch: number }, count = 1): Promise<MessageOf<'AttemptFinished'>['data']> {
    return this.until(() => this.of('AttemptFinished', attempt)[count - 1], `the final report of ${attempt.attemptId}`);
  }

  /** The attempt's log as log-server would have it, once its end has come. */
  async log(attempt: { attemptId: string; epoch: number }): Promise<Record<string, unknown>[]> {
    const end = await this.until(() => this.of('LogChunk', attempt).find((chunk) => chunk.end !== undefined)?.end, `the end of the log of ${attempt.attemptId}`);
    let text = '';
    const chunks = this.of('LogChunk', attempt).sort((a, b) => a.offset - b.offset);
    for (const chunk of chunks) {
      const held = Buffer.byteLength(text);
      if (chunk.offset > held) throw new Error(`a gap in the log at byte ${held}: the next chunk begins at ${chunk.offset}`);
      if (chunk.offset === held) text += chunk.text;
    }
    if (Buffer.byteLength(text) !== end.bytes) throw new Error(`the log has ${Buffer.byteLength(text)} bytes, its trailer says ${end.bytes}`);
    const lines = text.split('\n').slice(0, -1);
    if (lines.length !== end.lines) throw new Error(`the log has ${lines.length} lines, its trailer says ${end.lines}`);
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

export interface Rig {
  readonly wire: Wire;
  readonly api: FakeExecutionApi;
  readonly stateDir: string;
  readonly options: WorkerOptions;
  worker: RunningWorker;
  send(...messages: Omit<Message, 'id' | 'topic' | 'key'>[]): Promise<void>;
  assign(task: { dagId?: string; taskId: string; bundle: PackedBundle; epoch?: number; tryNumber?: number; lostAfterMs?: number; work?: Partial<Work> }): Promise<AttemptAssigned>;
  acknowledge(attempt: { attemptId: string; epoch: number }): Promise<void>;
  /** Another incarnation on the same slot and folder. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export const FAST: Partial<WorkerTiming> = { renewEveryMs: 50, termGraceMs: 200, revokeGraceMs: 200, resendEveryMs: 100, growAfterMs: 10 };

export async function startRig(built: BuiltFiles, settings: { timing?: Partial<WorkerTiming>; slots?: number; runnerHeapMb?: number; wire?: Wire; stateDir?: string; files?: readonly PackedFiles[]; childEnv?: { readonly [name: string]: string }; log?: Log } = {}): Promise<Rig> {
  const wire = settings.wire ?? new Wire();
  const api = new FakeExecutionApi();
  for (const files of settings.files ?? []) api.files.set(files.hash, files);
  const stateDir = settings.stateDir ?? mkdtempSync(join(tmpdir(), 'dagbook-worker-'));
  const options: WorkerOptions = {
    slotName: 'test-1',
    queues: ['default'],
    slots: settings.slots ?? 8,
    stateDir,
    childEntry: built.childEntry,
    sdkPath: built.sdkPath,
    hostname: 'test',
    version: '0.0.0',
    childEnv: { PATH: process.env['PATH'] ?? '', ...settings.childEnv },
    timing: { ...FAST, ...settings.timing },
    warmRunners: 1,
    ...(settings.runnerHeapMb === undefined ? {} : { runnerHeapMb: settings.runnerHeapMb }),
  };
  const start = (): Promise<RunningWorker> => startWorker({ broker: wire.broker, executionApi: api, options, clock: systemClock, log: settings.log ?? silentLog });
  const rig: Rig = {
    wire,
    api,
    stateDir,
    options,
    worker: await start(),
    async send(...messages) {
      const topic = assignmentTopic(options.slotName).name;
      await wire.others.publish(messages.map((message) => ({ ...message, topic, key: 'test' }) as OutgoingMessage));
    },
    async assign({ dagId = 'test', taskId, bundle, epoch = 1, tryNumber = 1, lostAfterMs = 300_000, work = {} }) {
      api.bundles.set(bundle.hash, bundle);
      const id = attemptId({ dagId, runId: 'run-1', taskId, mapIndex: -1, tryNumber });
      const assigned: AttemptAssigned = { attemptId: id, epoch, token: `token-${epoch}`, lostAfterMs, work: { ...workOf(bundle.hash), ...work } };
      await rig.send({ type: 'AttemptAssigned', data: assigned });
      return assigned;
    },
    async acknowledge({ attemptId: id, epoch }) {
      await rig.send({ type: 'ReportAcknowledged', data: { attemptId: id, epoch, accepted: true } });
    },
    async restart() {
      await rig.worker.stop(0);
      rig.worker = await start();
    },
    async close() {
      await rig.worker.stop(0);
      await wire.broker.close();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
  return rig;
}

export const workOf = (bundleHash: string): Work => ({
  bundleHash,
  maxTries: 1,
  run: {
    runType: 'manual',
    logicalDateMs: Date.UTC(2026, 0, 1),
    dataInterval: { startMs: Date.UTC(2026, 0, 1), endMs: Date.UTC(2026, 0, 2) },
    runAfterMs: Date.UTC(2026, 0, 2),
    conf: {},
    params: {},
  },
  results: {},
});
