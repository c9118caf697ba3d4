import { createHash, randomUUID } from 'node:crypto';
import { assetEventsStream, attemptId, attemptStream, dagStream, runStream } from '@dagbook/contracts';
import { canonicalJson, type AssetFact, type AssetUpdated, type AttemptEvent, type BackfillEvent, type DagDefinition, type DagEvent, type FileEvent, type RunCreated, type RunEvent } from '@dagbook/domain';
import { formatPosition, toNewEvent, type EventStore, type StoredEvent } from '@dagbook/event-store';

/** Writes history as the services would, for tests of what reads it. */
export class Journal {
  readonly #store: EventStore;
  readonly #versions = new Map<string, number>();
  #nowMs = Date.UTC(2026, 10, 25);

  constructor(store: EventStore) {
    this.#store = store;
  }

  /** Each event a second after the last. */
  tick(): number {
    return (this.#nowMs += 1_000);
  }

  async dag(definition: DagDefinition, options: { readonly file?: string; readonly version?: number } = {}): Promise<void> {
    const planHash = await this.#plan(definition);
    await this.#store.putContent('source', 'bundle-1', new TextEncoder().encode('export default dag()\n'));
    await this.append(dagStream(definition.dagId), [
      { type: 'DagVersionRegistered', dagId: definition.dagId, version: options.version ?? 1, planHash, bundleHash: 'bundle-1', file: options.file ?? `${definition.dagId}.ts`, atMs: this.tick() },
    ]);
  }

  async #plan(definition: DagDefinition): Promise<string> {
    const planHash = planHashOf(definition);
    await this.#store.putContent('plan', planHash, new TextEncoder().encode(JSON.stringify(definition)));
    return planHash;
  }

  async file(event: FileEvent): Promise<void> {
    await this.append(`file-${event.file}`, [event]);
  }

  async run(definition: DagDefinition, runId: string, overrides: Partial<RunCreated> = {}): Promise<void> {
    const atMs = this.tick();
    await this.append(runStream(definition.dagId, runId), [
      {
        type: 'RunCreated', dagId: definition.dagId, runId, runType: 'manual', triggeredBy: 'rest_api', logicalDateMs: atMs, dataInterval: { startMs: atMs, endMs: atMs }, runAfterMs: atMs,
        conf: {}, params: {}, planHash: await this.#plan(definition), dagVersion: 1, bundleHash: 'bundle-1', atMs, ...overrides,
      },
      { type: 'RunStarted', atMs: this.tick() },
    ]);
  }

  /** A try from ready to started, with its grant. */
  async start(dagId: string, runId: string, taskId: string, options: { readonly mapIndex?: number; readonly tryNumber?: number; readonly epoch?: number } = {}): Promise<void> {
    const { mapIndex = -1, tryNumber = 1, epoch = 1 } = options;
    const ref = { taskId, mapIndex, tryNumber };
    await this.append(runStream(dagId, runId), [{ type: 'TaskScheduled', ...ref, atMs: this.tick() }]);
    await this.append(attemptStream(attemptId({ dagId, runId, ...ref })), [
      { type: 'AttemptGranted', dagId, runId, ...ref, worker: 'host-1', queue: 'default', pool: 'default_pool', poolSlots: 1, atMs: this.tick() },
    ]);
    await this.append(runStream(dagId, runId), [{ type: 'TaskStarted', ...ref, epoch, worker: 'host-1', pid: 42, atMs: this.tick() }]);
  }

  async succeed(dagId: string, runId: string, taskId: string, options: { readonly mapIndex?: number; readonly tryNumber?: number } = {}): Promise<void> {
    const { mapIndex = -1, tryNumber = 1 } = options;
    await this.start(dagId, runId, taskId, options);
    await this.append(runStream(dagId, runId), [{ type: 'TaskSucceeded', taskId, mapIndex, tryNumber, epoch: 1, atMs: this.tick() }]);
  }

  /** An update of an asset; answers its place in the feed, as runs that take it name it. */
  async updated(uri: string, more: Partial<AssetUpdated> = {}): Promise<string> {
    const streamId = assetEventsStream(randomUUID());
    await this.append(streamId, [{ type: 'AssetUpdated', uri, extra: {}, atMs: this.tick(), ...more }]);
    const [stored] = await this.#store.read(streamId);
    return formatPosition((stored as StoredEvent).position);
  }

  async append(streamId: string, events: readonly (RunEvent | DagEvent | FileEvent | AttemptEvent | BackfillEvent | AssetFact)[]): Promise<void> {
    const expectedVersion = this.#versions.get(streamId) ?? 0;
    const [result] = await this.#store.append([{ streamId, expectedVersion, events: events.map((event) => toNewEvent(event, { eventId: randomUUID() })) }]);
    if (result?.kind !== 'appended') throw new Error(`the journal refused ${streamId}: ${JSON.stringify(result)}`);
    this.#versions.set(streamId, result.lastVersion);
  }
}

export const planHashOf = (definition: DagDefinition): string => createHash('sha256').update(canonicalJson(definition)).digest('base64url').slice(0, 40);

/** extract → load (mapped) → report */
export const PIPELINE: DagDefinition = {
  dagId: 'pipeline',
  timezone: 'Asia/Seoul',
  schedule: { kind: 'cronDataInterval', cron: '0 3 * * *', timezone: 'Asia/Seoul' },
  startDate: '2026-11-01T00:00:00Z',
  tags: ['etl', 'weather'],
  owner: 'data',
  tasks: [
    { taskId: 'report', operator: 'function', upstream: ['load'], retries: 1 },
    { taskId: 'extract', operator: 'function', upstream: [], retries: 2 },
    { taskId: 'load', operator: 'bash', upstream: ['extract'], reads: ['extract'], mapping: { kind: 'expand', over: [['row', { kind: 'result', taskId: 'extract' }]] } },
  ],
};
