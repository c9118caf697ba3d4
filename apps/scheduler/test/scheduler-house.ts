import { createHash } from 'node:crypto';
import { TOPICS, type CommandBody, type CommandOutcome } from '@dagbook/contracts';
import { canonicalJson, type CodeAnswer, type CodeQuestion, type DagDefinition, type Json } from '@dagbook/domain';
import { createMemoryStores } from '@dagbook/event-store';
import { MemoryBroker, type OutgoingMessage } from '@dagbook/messaging';
import { ManualClock, Metrics, noSpans, silentLog } from '@dagbook/platform';
import { vi } from 'vitest';
import type { BundleChange } from '../src/bundle-intake.ts';
import { startScheduler, type RunningScheduler, type SchedulerPorts } from '../src/service.ts';

/** Whole schedulers over one journal and bus in memory, with a clock that stands still. Nobody runs their tasks. */
export class SchedulerHouse {
  readonly clock: ManualClock;
  readonly stores: ReturnType<typeof createMemoryStores>;
  /** Answers for the timetables of its DAGs. */
  timetable: (question: CodeQuestion) => CodeAnswer = () => {
    throw new Error('nobody answers for timetables');
  };
  readonly #broker = new MemoryBroker();
  readonly #running: RunningScheduler[] = [];
  #definitions: readonly DagDefinition[];
  #onChange: (change: BundleChange) => unknown = () => undefined;
  #commands = 0;
  #started = 0;

  constructor(nowIso: string, definitions: readonly DagDefinition[]) {
    this.clock = new ManualClock(Date.parse(nowIso));
    this.stores = createMemoryStores({ nowMs: () => this.clock.nowMs() });
    this.#definitions = definitions;
  }

  /** Resolves when it knows all DAGs. */
  async start(settings: Pick<SchedulerPorts, 'ownershipEveryMs' | 'reconcileEveryMs' | 'pausedAtCreation'> = {}): Promise<RunningScheduler> {
    const scheduler = await startScheduler({
      stores: this.stores, broker: this.#broker, tokenSecret: 'secret', spans: noSpans, metrics: new Metrics('scheduler'), clock: this.clock, log: silentLog, instance: `scheduler-${(this.#started += 1)}`, ...settings,
      bundles: {
        start: async (onChange) => {
          this.#onChange = onChange;
          await onChange(this.#change());
        },
        stop: async () => undefined,
        askTimetable: async (_bundle, _dagId, question) => this.timetable(question),
      },
    });
    this.#running.push(scheduler);
    await this.until(async () => (await this.stores.events.listStreams('dag-')).length === this.#definitions.length);
    return scheduler;
  }

  /** Files are written anew. */
  async edit(definitions: readonly DagDefinition[]): Promise<void> {
    const removed = this.#definitions.map(fileOf).filter((file) => !definitions.map(fileOf).includes(file));
    this.#definitions = definitions;
    await this.#onChange(this.#change(removed));
  }

  async command(dagId: string, body: CommandBody): Promise<CommandOutcome> {
    const commandId = `command-${(this.#commands += 1)}`;
    await this.stores.events.storeCommand({ commandId, dagId, body: body as unknown as Json });
    await this.#broker.publisher().publish([{ topic: TOPICS.commands.name, key: dagId, type: 'CommandStored', data: { commandId, dagId } }]);
    return (await this.until(() => this.stores.events.commandOutcome(commandId))) as unknown as CommandOutcome;
  }

  /** What a system outside writes to a topic. */
  async publish(message: OutgoingMessage): Promise<void> {
    await this.#broker.publisher().publish([message]);
  }

  /** Asks until the answer is not falsy. */
  until<T>(ask: () => Promise<T>): Promise<NonNullable<T>> {
    return vi.waitUntil(ask, { interval: 2, timeout: 5_000 }) as Promise<NonNullable<T>>;
  }

  async types(streamId: string): Promise<string[]> {
    return (await this.stores.events.read(streamId)).map(({ type }) => type);
  }

  /** Ids of the runs that have not ended. */
  async open(): Promise<string[]> {
    return (await this.stores.events.openRuns()).map(({ runId }) => runId);
  }

  async data(streamId: string, type: string): Promise<{ readonly [member: string]: Json }[]> {
    return (await this.stores.events.read(streamId)).filter((event) => event.type === type).map(({ data }) => data as { readonly [member: string]: Json });
  }

  /** Every scheduler that was started. */
  async stop(): Promise<void> {
    for (const scheduler of this.#running.splice(0)) await scheduler.stop();
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#broker.close();
  }

  #change(removed: readonly string[] = []): BundleChange {
    const parsed = this.#definitions.map((definition) => {
      const planHash = createHash('sha256').update(canonicalJson(definition)).digest('hex');
      const file = fileOf(definition);
      return { file, source: '', definitions: [{ definition, planHash }], bundle: { hash: planHash, file, code: '' } };
    });
    return { parsed, failed: [], removed, complete: true };
  }
}

const fileOf = ({ dagId }: DagDefinition): string => `${dagId}.ts`;
