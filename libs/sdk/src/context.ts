import { type EmittedAssetEvent, type Json as PlainJson, textsIn } from '@dagbook/domain';
import { emittedEvents, eventForAuthor, inletQuery, partitionOf } from './asset-event.ts';
import { connectionMissing, environmentName, variableMissing } from './missing.ts';
import type { OperatorContext, TaskIo, TaskRunRequest } from './runnable.ts';
import { assetStateOfTask, taskState } from './state-store.ts';
import type { Asset, AssetAlias, AssetEvent, AssetStateStore, EmitOptions, Json, TaskContext, TaskLog, TaskStateStore } from './types.ts';

/** What a task's function sees of its run. Everything is made when it is asked for: most tasks ask for little. */
export class RunContext<P> implements TaskContext<P> {
  readonly params: P;
  readonly timezone: string;
  readonly emitted: EmittedAssetEvent[] = [];
  readonly #request: TaskRunRequest;
  readonly #io: TaskIo;
  readonly #inlets: readonly (Asset | AssetAlias)[];
  readonly #outlets: readonly (Asset | AssetAlias)[];

  constructor(request: TaskRunRequest, io: TaskIo, dag: { readonly params: P; readonly timezone: string; readonly inlets?: readonly (Asset | AssetAlias)[]; readonly outlets?: readonly (Asset | AssetAlias)[] }) {
    this.#request = request;
    this.#io = io;
    this.params = dag.params;
    this.timezone = dag.timezone;
    this.#inlets = dag.inlets ?? [];
    this.#outlets = dag.outlets ?? [];
    // Authors take these out of the context: `async (_, { conn, emit })`.
    this.conn = this.conn.bind(this);
    this.variable = this.variable.bind(this);
    this.emit = this.emit.bind(this);
    this.inletEvents = this.inletEvents.bind(this);
    this.maskSecret = this.maskSecret.bind(this);
  }

  get logicalDate(): Date {
    const { logicalDateMs, runAfterMs } = this.#request.work.run;
    return new Date(logicalDateMs ?? runAfterMs);
  }

  get ds(): string {
    return this.logicalDate.toISOString().slice(0, 10);
  }

  get dsNodash(): string {
    return this.ds.replaceAll('-', '');
  }

  get localDs(): string {
    return new Intl.DateTimeFormat('sv-SE', { timeZone: this.timezone, dateStyle: 'short' }).format(this.logicalDate);
  }

  get ts(): string {
    return airflowTimestamp(this.logicalDate);
  }

  get dataInterval(): { start: Date; end: Date } {
    const interval = this.#request.work.run.dataInterval;
    return interval === null ? { start: this.logicalDate, end: this.logicalDate } : { start: new Date(interval.startMs), end: new Date(interval.endMs) };
  }

  get run(): TaskContext<P>['run'] {
    const { conf, runType, partitionKey, partitionDateMs } = this.#request.work.run;
    return {
      id: this.runId, conf, type: runType === 'asset_triggered' ? 'asset' : (runType as 'scheduled' | 'manual' | 'backfill'),
      ...(partitionKey === undefined ? {} : { partitionKey }), ...(partitionDateMs === undefined ? {} : { partitionDate: new Date(partitionDateMs) }),
    };
  }

  get runId(): string {
    return this.#request.attempt.runId;
  }

  get dagId(): string {
    return this.#request.attempt.dagId;
  }

  get taskId(): string {
    return this.#request.attempt.taskId;
  }

  get tryNumber(): number {
    return this.#request.attempt.tryNumber;
  }

  get mapIndex(): number {
    return this.#request.attempt.mapIndex;
  }

  get epoch(): number {
    return this.#request.epoch ?? 1;
  }

  get resumed(): { readonly event: unknown } | undefined {
    return this.#request.work.resumed;
  }

  get signal(): AbortSignal {
    return this.#io.signal;
  }

  get log(): TaskLog {
    const io = this.#io;
    return {
      debug: (message, attributes) => io.log('debug', message, attributes),
      info: (message, attributes) => io.log('info', message, attributes),
      warn: (message, attributes) => io.log('warning', message, attributes),
      error: (message, attributes) => io.log('error', message, attributes),
    };
  }

  get triggeringAssetEvents(): readonly AssetEvent[] {
    return (this.#request.work.run.assetEvents ?? []).map(eventForAuthor);
  }

  async inletEvents(of: Asset | AssetAlias, { limit = 100 }: { limit?: number } = {}): Promise<readonly AssetEvent[]> {
    const query = inletQuery({ taskId: this.taskId, inlets: this.#inlets }, of, limit);
    return ((await this.#io.assetEvents?.(query)) ?? []).map(eventForAuthor);
  }

  async conn<T>(id: string): Promise<T> {
    const found = await this.#io.connection(id);
    if (found === null) throw connectionMissing(id);
    return found as T;
  }

  async variable(key: string): Promise<string> {
    const found = await this.#io.variable(key);
    if (found === null) throw variableMissing(key);
    return found;
  }

  get taskState(): TaskStateStore {
    return taskState(this.#io);
  }

  get assetState(): (asset?: Asset) => AssetStateStore {
    const assets = { taskId: this.taskId, inlets: this.#inlets, outlets: this.#outlets };
    return (asset) => assetStateOfTask(this.#io, assets, asset);
  }

  maskSecret(secret: Json): void {
    for (const text of textsIn((secret ?? null) as PlainJson)) this.#io.maskSecret?.(text);
  }

  emit(asset: Asset, extra: Record<string, Json> = {}, o: EmitOptions = {}): void {
    this.emitted.push(...emittedEvents({ taskId: this.taskId, outlets: this.#outlets, partition: partitionOf(this.#request.work.run) }, asset, extra as PlainJson, o));
  }
}

/** Airflow writes the offset and no milliseconds. */
const airflowTimestamp = (date: Date): string => `${date.toISOString().slice(0, 19)}+00:00`;

/** How a command learns of its run: through the environment, where no value can become code. */
export function operatorContext(request: TaskRunRequest, io: TaskIo, context: RunContext<unknown>, rendered: { readonly [name: string]: string } = {}): OperatorContext {
  return {
    request, io,
    get environment() {
      const { start, end } = context.dataInterval;
      const environment: { [name: string]: string } = {
        DAGBOOK_DAG_ID: context.dagId, DAGBOOK_RUN_ID: context.runId, DAGBOOK_TASK_ID: context.taskId,
        DAGBOOK_TRY_NUMBER: String(context.tryNumber), DAGBOOK_MAP_INDEX: String(context.mapIndex),
        DAGBOOK_RUN_TYPE: request.work.run.runType, DAGBOOK_TIMEZONE: context.timezone,
        DAGBOOK_DS: context.ds, DAGBOOK_DS_NODASH: context.dsNodash, DAGBOOK_LOCAL_DS: context.localDs, DAGBOOK_TS: context.ts,
        DAGBOOK_DATA_INTERVAL_START: airflowTimestamp(start), DAGBOOK_DATA_INTERVAL_END: airflowTimestamp(end),
      };
      for (const [name, value] of Object.entries(request.work.run.params)) {
        environment[`DAGBOOK_PARAM_${environmentName(name)}`] = typeof value === 'string' ? value : JSON.stringify(value);
      }
      if (io.bundle !== undefined) environment['DAGBOOK_BUNDLE_PATH'] = io.bundle.folder;
      return Object.assign(environment, rendered);
    },
  };
}
