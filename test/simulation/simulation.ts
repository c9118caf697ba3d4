import { createHash } from 'node:crypto';
import { TOPICS, type Message } from '@dagbook/contracts';
import { canonicalJson, type DagDefinition, type Json } from '@dagbook/domain';
import { createMemoryStores, type Stores } from '@dagbook/event-store';
import { Metrics, noSpans, type AlarmClock, type Log } from '@dagbook/platform';
import { startDispatcher } from '../../apps/dispatcher/src/service.ts';
import type { BundleChange, DagBundleSource } from '../../apps/scheduler/src/bundle-intake.ts';
import { startScheduler } from '../../apps/scheduler/src/service.ts';
import { Chance } from './chance.ts';
import { scenarioOf, type Scenario } from './scenario.ts';
import { SimulatedBus } from './simulated-bus.ts';
import { linkedStores, witnessedEvents } from './simulated-store.ts';
import { SimulatedWorker, WORKER_RULES, WorkerDisk, type WorkerRules } from './simulated-worker.ts';
import { Actor, takeOverTimers, VirtualTime } from './virtual-time.ts';
import { weatherOf, type Weather } from './weather.ts';
import { Witness } from './witness.ts';

type Role = 'scheduler' | 'dispatcher';

/** A simulation in which one thing is broken on purpose, outside the code that is tested: in what its ports answer. */
export interface Breakage {
  readonly stores?: (stores: Stores, role: Role, chance: Chance) => Stores;
  readonly hears?: (message: Message, role: Role, chance: Chance, stores: Stores) => readonly Message[];
  readonly clock?: (clock: AlarmClock, role: Role) => AlarmClock;
  readonly definition?: (definition: DagDefinition) => DagDefinition;
  readonly worker?: Partial<WorkerRules>;
  /** What brings the defect to light more often. */
  readonly weather?: Partial<Weather>;
  readonly reconcileEveryMs?: number;
}

export interface SimulationOptions {
  readonly breakage?: Breakage;
  /** Default false: most simulations go well, and nobody reads of them. */
  readonly traced?: boolean;
}

export interface SimulationResult {
  readonly seed: number;
  /** None: all went well. */
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly steps: number;
  readonly events: number;
  readonly crashes: number;
  readonly simulatedMs: number;
  /** The same for the same seed. */
  readonly fingerprint: string;
}

const START_MS = Date.UTC(2026, 0, 5);
/** After the weather has calmed everything must have ended within this time: long tasks one after another, lost leases, retries. */
const PATIENCE_MS = 600_000;
const MOST_STEPS = 400_000;
export const TOKEN_SECRET = 'a secret of the simulation, long enough';

/**
 * Two schedulers, two dispatchers and some workers over one in-memory journal and bus, with users who trigger, clear,
 * mark and pause, in weather of the seed's choosing. Ends when everything has ended, at the first violation, or when patience does.
 */
export async function simulate(seed: number, options: SimulationOptions = {}): Promise<SimulationResult> {
  takeOverTimers();
  return new Simulation(seed, options).run();
}

class Simulation {
  readonly #seed: number;
  readonly #breakage: Breakage;
  readonly #chance: Chance;
  readonly #time: VirtualTime;
  readonly #weather: Weather;
  readonly #scenario: Scenario;
  readonly #witness: Witness;
  readonly #stores: Stores;
  readonly #bus: SimulatedBus;
  readonly #world = new Actor('world');
  readonly #disks = new Map<string, WorkerDisk>();
  readonly #fingerprint = createHash('sha256');
  readonly #trace: string[] = [];
  readonly #traced: boolean;
  #toSubmit: number;
  #crashes = 0;
  #steps = 0;

  constructor(seed: number, options: SimulationOptions) {
    this.#seed = seed;
    this.#breakage = options.breakage ?? {};
    this.#traced = options.traced ?? false;
    const chance = new Chance(seed);
    this.#weather = { ...weatherOf(chance.fork(), START_MS), ...this.#breakage.weather };
    this.#scenario = scenarioOf(chance.fork(), START_MS, new Chance(seed ^ 0x5eed), new Chance(seed ^ 0x3a7c4e5));
    this.#time = new VirtualTime(START_MS, chance.fork());
    this.#chance = chance.fork();
    this.#witness = new Witness(this.#scenario);
    this.#toSubmit = this.#scenario.commands.length;
    const stores = createMemoryStores({ nowMs: () => this.#time.nowMs });
    this.#stores = { ...stores, events: witnessedEvents(stores.events, this.#witness, (line) => this.#say('journal', line)) };
    const trace = (actor: Actor, line: string): void => this.#say(actor.name, line);
    this.#bus = new SimulatedBus({ time: this.#time, chance: chance.fork(), weather: this.#weather, witness: this.#witness, trace });
  }

  async run(): Promise<SimulationResult> {
    this.#say('world', `weather ${JSON.stringify(this.#weather)}`);
    for (const name of ['scheduler-1', 'scheduler-2']) this.#keepUp(name, (actor) => this.#startScheduler(actor));
    for (const name of ['dispatcher-1', 'dispatcher-2']) this.#keepUp(name, (actor) => this.#startDispatcher(actor));
    for (const { name, slots } of this.#scenario.workers) this.#keepUp(name, (actor) => this.#startWorker(actor, slots));
    for (const command of this.#scenario.commands) this.#time.at(this.#world, command.atMs, () => this.#submit(command));
    this.#cutWorkers();
    const untilMs = this.#weather.calmFromMs + PATIENCE_MS;
    while (this.#witness.violations.length === 0 && !this.#isOver()) {
      if (this.#time.nowMs > untilMs) this.#witness.fail('everything ends', await this.#whatHangs());
      else if ((this.#steps += 1) > MOST_STEPS) this.#witness.fail('time passes', `after ${MOST_STEPS} steps it is ${this.#elapsed()}`);
      else await this.#time.step();
    }
    if (this.#witness.violations.length === 0) this.#witness.checkEnd();
    for (const violation of this.#witness.violations) this.#say('witness', `VIOLATION ${violation}`);
    return {
      seed: this.#seed, violations: this.#witness.violations, trace: this.#trace, steps: this.#steps, events: this.#witness.eventCount,
      crashes: this.#crashes, simulatedMs: this.#time.nowMs - START_MS, fingerprint: this.#fingerprint.digest('hex'),
    };
  }

  #isOver(): boolean {
    return this.#toSubmit === 0 && this.#witness.dueRuns.length === 0 && this.#witness.openBackfills.length === 0 && this.#witness.openRuns === 0 && this.#witness.openCallbacks.length === 0 && this.#witness.openUpdates.length === 0 && this.#witness.leaseCount === 0 && this.#witness.running === 0
      && this.#scenario.commands.every(({ commandId }) => this.#witness.hasOutcome(commandId))
      && [...this.#disks.values()].every(({ reports }) => reports.size === 0);
  }

  async #whatHangs(): Promise<string> {
    const waiting = this.#scenario.commands.filter(({ commandId }) => !this.#witness.hasOutcome(commandId)).map(({ commandId, body }) => `${commandId} (${body.type}) has no outcome`);
    const reports = [...this.#disks].flatMap(([worker, disk]) => [...disk.reports.keys()].map((key) => `${worker} reports ${key} in vain`));
    const due = this.#witness.dueRuns.map((date) => `${date} is due`);
    const backfills = this.#witness.openBackfills.map((streamId) => `${streamId} is not over`);
    return [...waiting, ...due, ...backfills, this.#witness.unfinished(), ...reports].join('; ');
  }

  /** Starts the process, and again whenever it has died. */
  #keepUp(name: string, start: (actor: Actor) => Promise<unknown>): void {
    const actor = new Actor(name);
    actor.onDeath(() => {
      this.#crashes += 1;
      const downMs = this.#chance.happens(0.7) ? this.#chance.between(50, 2_000) : this.#chance.between(5_000, 30_000);
      this.#time.after(this.#world, downMs, () => this.#keepUp(name, start));
    });
    this.#say(name, 'starts');
    this.#time.inside(actor, () => {
      // A start that the database refuses is one more crash.
      start(actor).catch((error: unknown) => {
        this.#say(name, `could not start: ${String(error)}`);
        if ((error as { retryable?: boolean }).retryable !== true) this.#witness.fail('services start', `${name}: ${String(error)}`);
        actor.die();
      });
    });
  }

  #ports(actor: Actor, role: Role) {
    const { stores, hears, clock } = this.#breakage;
    const conditions = { time: this.#time, chance: this.#chance, weather: this.#weather, witness: this.#witness, trace: (who: Actor, line: string) => this.#say(who.name, line) };
    const shared = stores?.(this.#stores, role, this.#chance) ?? this.#stores;
    const hear = (message: Message): readonly Message[] => hears?.(message, role, this.#chance, this.#stores) ?? [message];
    return {
      stores: linkedStores(shared, actor, conditions),
      broker: this.#bus.for(actor, hear),
      tokenSecret: TOKEN_SECRET,
      clock: clock?.(this.#time.clock(actor), role) ?? this.#time.clock(actor),
      metrics: new Metrics(role),
      log: this.#log(actor),
    };
  }

  #startScheduler(actor: Actor): Promise<unknown> {
    return startScheduler({
      ...this.#ports(actor, 'scheduler'), bundles: this.#files(), spans: noSpans, ownershipEveryMs: 500, reconcileEveryMs: this.#breakage.reconcileEveryMs ?? 2_000,
    });
  }

  #startDispatcher(actor: Actor): Promise<unknown> {
    return startDispatcher({ ...this.#ports(actor, 'dispatcher'), pools: this.#scenario.pools, checkEveryMs: 1_000, retryMs: 500, unreachableAfterMs: 8_000 });
  }

  #startWorker(actor: Actor, slots: number): Promise<unknown> {
    const disk = this.#disks.get(actor.name) ?? new WorkerDisk();
    this.#disks.set(actor.name, disk);
    const rules = { ...WORKER_RULES, ...this.#breakage.worker };
    const worker = new SimulatedWorker(actor, slots, disk, { broker: this.#bus.for(actor), time: this.#time, chance: this.#chance, witness: this.#witness, dags: this.#scenario.dags, watched: this.#scenario.watched, calmFromMs: this.#weather.calmFromMs, rules });
    return worker.start();
  }

  #files(): DagBundleSource {
    const parsed = this.#scenario.dags.map(({ definition: written }) => {
      const definition = this.#breakage.definition?.(written) ?? written;
      const planHash = createHash('sha256').update(canonicalJson(definition)).digest('hex');
      const file = `${definition.dagId}.ts`;
      return { file, source: '', definitions: [{ definition, planHash }], bundle: { hash: planHash, file, code: '' } };
    });
    const everything: BundleChange = { parsed, failed: [], removed: [], complete: true };
    return { start: (onChange) => onChange(everything), stop: () => Promise.resolve(), askTimetable: () => Promise.reject(new Error('no DAG here has a timetable of its own')) };
  }

  /** As the gateway does: the row first, then the hint. Nobody unpauses what the pausing of which is not done yet. */
  #submit(command: Scenario['commands'][number]): void {
    const { commandId, dagId, body } = command;
    if ((body.type === 'SetPaused' || body.type === 'SetBackfillPaused') && !body.paused && this.#pausing(dagId, body.type)) {
      this.#time.after(this.#world, 500, () => this.#submit(command));
      return;
    }
    this.#say('user', `${commandId} ${dagId} ${JSON.stringify(body)}`);
    this.#toSubmit -= 1;
    void this.#stores.events.storeCommand({ commandId, dagId, body: body as unknown as Json });
    void this.#bus.for(this.#world).publisher().publish([{ topic: TOPICS.commands.name, key: dagId, type: 'CommandStored', data: { commandId, dagId } }]).catch(() => undefined);
  }

  #pausing(dagId: string, type: 'SetPaused' | 'SetBackfillPaused'): boolean {
    return this.#scenario.commands.some(({ body, ...command }) => command.dagId === dagId && body.type === type && body.paused && !this.#witness.hasOutcome(command.commandId));
  }

  #cutWorkers(): void {
    const { cutEveryMs, calmFromMs } = this.#weather;
    if (cutEveryMs === 0) return;
    const cut = (): void => {
      if (this.#time.nowMs >= calmFromMs) return;
      // One that has something to lose, if there is one.
      const busy = this.#scenario.workers.filter((worker) => this.#witness.isBusy(worker.name));
      const { name } = this.#chance.pick(busy.length > 0 ? busy : this.#scenario.workers);
      const forMs = this.#chance.between(500, 40_000);
      this.#say('world', `${name} is cut off for ${forMs} ms`);
      this.#bus.cut(name, Math.min(this.#time.nowMs + forMs, calmFromMs));
      this.#time.after(this.#world, this.#chance.below(2 * cutEveryMs), cut);
    };
    this.#time.after(this.#world, this.#chance.below(2 * cutEveryMs), cut);
  }

  #log(actor: Actor): Log {
    const line = (level: string) => (message: string, attributes?: object): void => {
      const { error } = (attributes ?? {}) as { readonly error?: string };
      this.#say(actor.name, `${level}: ${message}${error === undefined ? '' : ` (${error})`}`);
      if (message.startsWith('a run could not be decided')) this.#witness.fail('no run is given up', JSON.stringify(attributes));
    };
    const log: Log = { debug: () => undefined, info: line('info'), warn: line('warn'), error: line('error'), child: () => log };
    return log;
  }

  #say(who: string, what: string): void {
    const line = `${this.#elapsed().padStart(9)}  ${who.padEnd(12)} ${what}`;
    this.#fingerprint.update(line);
    if (this.#traced) this.#trace.push(line);
  }

  #elapsed(): string {
    return `${((this.#time.nowMs - START_MS) / 1_000).toFixed(3)} s`;
  }
}

