import { assignmentTopic, parseAttemptId, runStream, TOPICS, type AttemptAssigned, type AttemptKey, type CommandBody, type CommandOutcome, type Message, type Outcome } from '@dagbook/contracts';
import { canonicalJson, type DagDefinition, type Json, type RunEvent, type TaskDefinition } from '@dagbook/domain';
import { createMemoryStores, type Stores } from '@dagbook/event-store';
import { MemoryBroker, type BusFaults, type Listener } from '@dagbook/messaging';
import { ManualClock, Metrics, noSpans, silentLog, uuidv7, type RunningService } from '@dagbook/platform';
import { createHash } from 'node:crypto';
import { startDispatcher } from '../../dispatcher/src/service.ts';
import type { BundleChange, DagBundleSource } from '../../scheduler/src/bundle-intake.ts';
import { startScheduler } from '../../scheduler/src/service.ts';

/** What a scripted worker does with an attempt; `hang` keeps it until the test ends it by `finish`. */
export type Script = (attempt: AttemptKey & { readonly epoch: number }) => Outcome | 'hang';

/**
 * Scheduler and dispatcher as they are, over memory, with a worker whose every answer is the test's and a clock that only
 * the test moves. Tests wait for facts of the journal, never for time.
 */
export class Spine {
  static readonly T0 = Date.UTC(2026, 0, 5);
  readonly clock = new ManualClock(Spine.T0);
  readonly stores: Stores = createMemoryStores({ nowMs: () => this.clock.nowMs() });
  readonly broker: MemoryBroker;
  readonly heard: Message[] = [];
  readonly #files: FakeFiles = new FakeFiles();
  readonly services: RunningService[] = [];
  readonly #held = new Map<string, AttemptAssigned>();
  #worker: Listener | undefined;
  #sequence = 0;
  script: Script;

  constructor(options: { readonly script?: Script; readonly faults?: BusFaults } = {}) {
    this.script = options.script ?? (() => ({ kind: 'succeeded' }));
    this.broker = new MemoryBroker(options.faults === undefined ? {} : { faults: options.faults });
  }

  async scheduler(): Promise<RunningService> {
    const service = await startScheduler({
      stores: this.stores, broker: this.broker, bundles: this.#files, tokenSecret: TOKEN_SECRET, spans: noSpans, metrics: new Metrics('scheduler'), clock: this.clock, log: silentLog,
      ownershipEveryMs: 5, reconcileEveryMs: 5,
    });
    this.services.push(service);
    return service;
  }

  async dispatcher(): Promise<RunningService & { readonly isLeading: () => boolean }> {
    const service = await startDispatcher({ stores: this.stores, broker: this.broker, tokenSecret: TOKEN_SECRET, metrics: new Metrics('dispatcher'), clock: this.clock, log: silentLog, checkEveryMs: 5, retryMs: 5 });
    this.services.push(service);
    return service;
  }

  async worker(slots = 8): Promise<void> {
    this.#worker = await this.broker.listen({
      service: 'worker',
      instance: WORKER,
      subscriptions: [{ topic: assignmentTopic(WORKER).name, mode: 'broadcast' }],
      handlerOf: () => async (messages) => {
        for (const message of messages) await this.#hear(message);
      },
    });
    await this.renew(slots);
  }

  /** The worker says that it is there, holding what hangs. */
  async renew(slots = 8): Promise<void> {
    await this.broker.publisher().publish([
      {
        topic: TOPICS.workers.name, key: WORKER, type: 'WorkerRenewed',
        data: {
          worker: WORKER, incarnation: 'one', queues: ['default'], slots, draining: false, sequence: ++this.#sequence, hostname: 'here', version: '0',
          attempts: [...this.#held.values()].map(({ attemptId, epoch }) => ({ attemptId, epoch })),
        },
      },
    ]);
  }

  /** Puts a DAG into the folder. */
  define(dagId: string, tasks: readonly (Partial<TaskDefinition> & { readonly taskId: string })[], more: Partial<DagDefinition> = {}): void {
    const definition: DagDefinition = {
      dagId, timezone: 'UTC', schedule: { kind: 'none' }, ...more,
      tasks: tasks.map((task) => ({ operator: 'function', upstream: [], ...task })),
    };
    this.#files.put(definition);
  }

  async command(dagId: string, body: CommandBody): Promise<CommandOutcome> {
    const commandId = uuidv7();
    await this.until(async () => (await this.stores.events.listStreams(`dag-${dagId}`)).length > 0);
    await this.stores.events.storeCommand({ commandId, dagId, body: body as unknown as Json });
    await this.broker.publisher().publish([{ topic: TOPICS.commands.name, key: dagId, type: 'CommandStored', data: { commandId, dagId } }]);
    let outcome: Json | null | undefined = null;
    await this.until(async () => (outcome = await this.stores.events.commandOutcome(commandId)) !== null);
    return outcome as unknown as CommandOutcome;
  }

  trigger(dagId: string, runId: string): Promise<CommandOutcome> {
    return this.command(dagId, { type: 'TriggerRun', runId, logicalDateMs: null, conf: {}, triggeredBy: 'test', user: 'tester' });
  }

  async events(dagId: string, runId: string): Promise<RunEvent[]> {
    return (await this.stores.events.read(runStream(dagId, runId))).map((stored) => ({ type: stored.type, ...(stored.data as object) }) as RunEvent);
  }

  /** The run's story without instants: `TaskSucceeded a`, `TaskStarted b[1] try 2` … */
  async story(dagId: string, runId: string): Promise<string[]> {
    return (await this.events(dagId, runId)).map((event) => {
      const { taskId, mapIndex, tryNumber } = event as { taskId?: string; mapIndex?: number; tryNumber?: number };
      const task = taskId === undefined ? '' : ` ${taskId}${mapIndex === undefined || mapIndex < 0 ? '' : `[${mapIndex}]`}`;
      return `${event.type}${task}${tryNumber === undefined || tryNumber === 1 ? '' : ` try ${tryNumber}`}`;
    });
  }

  async ended(dagId: string, runId: string): Promise<'RunSucceeded' | 'RunFailed'> {
    let last: RunEvent | undefined;
    await this.until(async () => {
      last = (await this.events(dagId, runId)).at(-1);
      return last?.type === 'RunSucceeded' || last?.type === 'RunFailed';
    });
    return last?.type as 'RunSucceeded' | 'RunFailed';
  }

  async happened(dagId: string, runId: string, type: RunEvent['type']): Promise<void> {
    await this.until(async () => (await this.events(dagId, runId)).some((event) => event.type === type));
  }

  /** Ends an attempt that hangs. */
  async finish(attempt: AttemptAssigned, outcome: Outcome = { kind: 'succeeded' }): Promise<void> {
    if (this.#held.get(attempt.attemptId)?.epoch === attempt.epoch) this.#held.delete(attempt.attemptId);
    await this.#report(attempt, outcome);
  }

  /** The worker says that an attempt that hangs is lost. */
  async lose({ attemptId, epoch, token }: AttemptAssigned): Promise<void> {
    this.#held.delete(attemptId);
    await this.broker.publisher().publish([{ topic: TOPICS.reports.name, key: attemptId, type: 'AttemptLost', data: { attemptId, epoch, token, worker: WORKER, cause: 'runner_died' } }]);
  }

  /** Waits until an attempt is revoked at this epoch, and lets go of it as a worker does. */
  async revoked(epoch: number): Promise<void> {
    await this.until(() => this.heard.some((message) => message.type === 'AttemptRevoked' && message.data.epoch === epoch));
    for (const [id, attempt] of this.#held) if (attempt.epoch === epoch) this.#held.delete(id);
  }

  get hanging(): readonly AttemptAssigned[] {
    return [...this.#held.values()];
  }

  /** Turns the event loop until the condition holds; the test's time limit is the only clock in it. */
  async until(condition: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
  }

  async stop(): Promise<void> {
    for (const service of [...this.services].reverse()) await service.stop();
    await this.#worker?.close();
    await this.broker.close();
    await this.stores.close();
  }

  async #hear(message: Message): Promise<void> {
    this.heard.push(message);
    if (message.type !== 'AttemptAssigned') return;
    const { attemptId, epoch } = message.data;
    const outcome = this.script({ ...parseAttemptId(attemptId), epoch });
    if (outcome !== 'hang') return this.#report(message.data, outcome);
    this.#held.set(attemptId, message.data);
    await this.broker.publisher().publish([
      { topic: TOPICS.reports.name, key: attemptId, type: 'AttemptStarted', data: { attemptId, epoch, token: message.data.token, worker: WORKER, pid: 1, startedAtMs: this.clock.nowMs() } },
    ]);
  }

  async #report({ attemptId, epoch, token }: AttemptAssigned, outcome: Outcome): Promise<void> {
    const nowMs = this.clock.nowMs();
    await this.broker.publisher().publish([
      { topic: TOPICS.reports.name, key: attemptId, type: 'AttemptFinished', data: { attemptId, epoch, token, worker: WORKER, pid: 1, startedAtMs: nowMs, finishedAtMs: nowMs, outcome, log: { bytes: 0, lines: 0 } } },
    ]);
  }
}

const WORKER = 'scripted-1';
const TOKEN_SECRET = 'a secret of the tests, long enough';

/** A DAG folder without a disk. */
class FakeFiles implements DagBundleSource {
  readonly #definitions = new Map<string, DagDefinition>();
  readonly #listeners = new Set<(change: BundleChange) => Promise<void>>();

  async start(onChange: (change: BundleChange) => Promise<void>): Promise<void> {
    this.#listeners.add(onChange);
    await onChange({ ...this.#change([...this.#definitions.values()]), complete: true });
  }

  async stop(): Promise<void> {
    this.#listeners.clear();
  }

  readonly askTimetable = () => Promise.reject(new Error('no DAG here has a timetable of its own'));

  put(definition: DagDefinition): void {
    this.#definitions.set(definition.dagId, definition);
    for (const listener of this.#listeners) void listener(this.#change([definition]));
  }

  #change(definitions: readonly DagDefinition[]): BundleChange {
    const parsed = definitions.map((definition) => {
      const planHash = createHash('sha256').update(canonicalJson(definition)).digest('hex');
      const file = `${definition.dagId}.ts`;
      return { file, source: '', definitions: [{ definition, planHash }], bundle: { hash: planHash, file, code: '' } };
    });
    return { parsed, failed: [], removed: [] };
  }
}
