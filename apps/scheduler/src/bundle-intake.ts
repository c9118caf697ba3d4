import type { DagDefinition, FileEvent, ImportError, Json, CodeAnswer, CodeQuestion } from '@dagbook/domain';
import type { PackedBundle, PackedFiles } from '@dagbook/contracts';
import type { EventStore } from '@dagbook/event-store';
import { errorAttributes, uuidv7, type AlarmClock, type Log } from '@dagbook/platform';
import type { DagDesk } from './dag-desk.ts';

/** Where DAG files come from: a scan says what has changed since the one before; two never overlap. */
export interface DagBundleSource {
  start(onChange: (change: BundleChange) => Promise<void>): Promise<void>;
  stop(): Promise<void>;
  /** Runs the code of a DAG's own timetable, apart from everything; what goes wrong in it is the answer's `problem`. */
  readonly askTimetable: (bundle: PackedBundle, dagId: string, question: CodeQuestion) => Promise<CodeAnswer>;
}

export interface BundleChange {
  readonly parsed: readonly ParsedFile[];
  readonly failed: readonly { readonly file: string; readonly error: ImportError; readonly source?: string }[];
  readonly removed: readonly string[];
  /** The whole folder has been read once: what no file defines is not defined. */
  readonly complete?: boolean;
}

export interface ParsedFile {
  readonly file: string;
  readonly source: string;
  readonly definitions: readonly { readonly definition: DagDefinition; readonly planHash: string }[];
  readonly bundle: PackedBundle;
  readonly files?: PackedFiles;
  /** Of a bundle that has versions: its name, and the commit that it was read at. */
  readonly origin?: { readonly name: string; readonly version: string };
}

/**
 * Takes what the parser found into the journal. Every scheduler parses the whole folder and registers only DAGs it
 * owns; what a file could not say is kept by the owner of the file's name. A DAG whose file is broken keeps its last
 * good version; a DAG that no file defines any more is retired.
 */
export class BundleIntake {
  readonly #ports: BundleIntakePorts;
  readonly #files = new Map<string, ParsedFile>();
  readonly #broken = new Map<string, ImportError>();
  readonly #stored = new Set<string>();
  #scanned = false;
  #turn: Promise<void> = Promise.resolve();
  #callOffRetry = (): void => undefined;

  constructor(ports: BundleIntakePorts) {
    this.#ports = ports;
  }

  async start(): Promise<void> {
    await this.#ports.source.start((change) => this.#inTurn(() => this.#take(change)));
  }

  async stop(): Promise<void> {
    await this.#ports.source.stop();
    await this.#turn;
    this.#callOffRetry();
  }

  /** Partitions were taken: what the files say of their DAGs is registered. */
  wake(): void {
    void this.#inTurn(async () => {
      await this.#take({ parsed: [...this.#files.values()], failed: [...this.#broken].map(([file, error]) => ({ file, error })), removed: [] });
    });
  }

  async #take(change: BundleChange): Promise<void> {
    for (const parsed of change.parsed) {
      this.#files.set(parsed.file, parsed);
      this.#broken.delete(parsed.file);
    }
    for (const { file, error } of change.failed) this.#broken.set(file, error);
    for (const file of change.removed) {
      this.#files.delete(file);
      this.#broken.delete(file);
    }
    // Known from here on, whether or not it can be kept now.
    if (change.complete === true) this.#scanned = true;
    await Promise.all(change.parsed.map((parsed) => this.#register(parsed)));
    await this.#recordFiles(change);
    if (this.#scanned) await this.#retireUndefined();
  }

  async #register(parsed: ParsedFile): Promise<void> {
    const own = parsed.definitions.filter(({ definition }) => this.#ports.owns(definition.dagId));
    if (own.length === 0) return;
    const { bundle, files, origin } = parsed;
    if (origin !== undefined) await this.#keep('origin', bundle.hash, () => JSON.stringify(origin));
    if (files !== undefined) await this.#keep('files', files.hash, () => JSON.stringify(files));
    await this.#keep('bundle', bundle.hash, () => JSON.stringify(bundle));
    await this.#keep('source', bundle.hash, () => parsed.source);
    for (const { definition, planHash } of own) {
      await this.#keep('plan', planHash, () => JSON.stringify(definition));
      await this.#ports.desk.register(parsed.file, definition, planHash, bundle.hash);
    }
  }

  async #keep(kind: 'plan' | 'bundle' | 'files' | 'origin' | 'source', hash: string, content: () => string): Promise<void> {
    const key = `${kind}/${hash}`;
    if (this.#stored.has(key)) return;
    await this.#ports.store.putContent(kind, hash, utf8.encode(content()));
    this.#stored.add(key);
  }

  async #retireUndefined(): Promise<void> {
    const defined = new Set([...this.#files.values()].flatMap((parsed) => parsed.definitions.map(({ definition }) => definition.dagId)));
    for (const dag of this.#ports.desk.dags.values()) {
      if (defined.has(dag.dagId) || dag.fold.retired || (dag.fold.file !== null && this.#broken.has(dag.fold.file))) continue;
      await this.#ports.desk.retire(dag.dagId);
    }
  }

  async #recordFiles(change: BundleChange): Promise<void> {
    const own = (file: string): boolean => this.#ports.owns(file);
    for (const { file, error } of change.failed) if (own(file)) await this.#recordFile(file, error);
    for (const { file } of change.parsed) if (own(file)) await this.#recordFile(file, null);
    for (const file of change.removed) if (own(file)) await this.#recordFile(file, null);
  }

  /** Appends only when it says something new of the file. */
  async #recordFile(file: string, error: ImportError | null): Promise<void> {
    const { store, clock } = this.#ports;
    const streamId = `file-${file}`;
    const history = await store.read(streamId);
    const last = history.at(-1);
    const lastError = last?.type === 'ImportFailed' ? (last.data as unknown as { error: ImportError }).error : null;
    if (JSON.stringify(lastError) === JSON.stringify(error)) return;
    const event: FileEvent = error === null ? { type: 'ImportRecovered', file, atMs: clock.nowMs() } : { type: 'ImportFailed', file, error, atMs: clock.nowMs() };
    const { type, ...data } = event;
    await store.append([{ streamId, expectedVersion: last?.version ?? 0, events: [{ eventId: uuidv7(), type, schemaVersion: 1, data: data as unknown as Json }] }]);
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    const { clock, log } = this.#ports;
    const turn = this.#turn.then(change).catch((error: unknown) => {
      log.error('what the DAG files say could not be kept; it is tried again in a moment', errorAttributes(error));
      this.#callOffRetry();
      this.#callOffRetry = clock.alarm(clock.nowMs() + RETRY_AFTER_MS, () => this.wake());
    });
    this.#turn = turn;
    return turn;
  }
}

const RETRY_AFTER_MS = 1_000;
const utf8 = new TextEncoder();

export interface BundleIntakePorts {
  readonly source: DagBundleSource;
  readonly store: EventStore;
  readonly desk: DagDesk;
  readonly owns: (dagId: string) => boolean;
  readonly clock: AlarmClock;
  readonly log: Log;
}
