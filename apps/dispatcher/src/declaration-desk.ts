import { isOneLine, poolDecider, reject, workerDecider, type AdmissionFact, type Decider, type Json, type Pool, type PoolCommand, type Rejected } from '@dagbook/domain';
import { DISPATCHER_PARTITION, poolStream, workerStream, type CommandOutcome, type DispatcherCommand } from '@dagbook/contracts';
import { execute, loadStates, StoreFault, type EventStore, type PendingCommand } from '@dagbook/event-store';
import { errorAttributes, uuidv7, type Clock, type Log } from '@dagbook/platform';
import type { WorkerRoster } from './worker-roster.ts';

/**
 * What people declare: pools, and workers that are to be given nothing more. Commands are decided between two rounds of
 * admission, when no grant is under way: so no grant that was counted by a pool's former size commits after its change.
 *
 * State: nothing that the `pool-` and `worker-` streams could not give back. `hasWork` from a hint, or a row that was
 * found, until all rows that waited are decided and the streams folded again.
 */
export class DeclarationDesk {
  readonly #ports: DeclarationDeskPorts;
  /** As admission knows them. */
  #pools: ReadonlyMap<string, Pool | null> = new Map();
  #hasWork = false;

  constructor(ports: DeclarationDeskPorts) {
    this.#ports = ports;
  }

  get hasWork(): boolean {
    return this.#hasWork;
  }

  /** A command came. Its row may be decided already, by a leader that does not know yet that it is none: all is read again. */
  hinted(): void {
    this.#hasWork = true;
  }

  /** Looks for commands whose hint was lost. */
  async look(): Promise<void> {
    if ((await this.#pending()).length > 0) this.#hasWork = true;
  }

  /** Of a new leader: everything that is declared. Seeds are pools that nobody has ever declared; one that was deleted stays so. */
  async open(): Promise<readonly AdmissionFact[]> {
    this.#pools = new Map();
    this.#hasWork = true;
    const declared = await loadStates(this.#ports.store, poolStream(''), poolDecider);
    for (const { pool, slots, includeDeferred } of this.#ports.seeds) {
      if (declared.has(pool)) continue;
      const seed: PoolCommand = { type: 'SetPool', mode: 'set', slots, includeDeferred, by: 'DAGBOOK_POOLS', atMs: this.#ports.clock.nowMs() };
      await execute(this.#ports.store, poolDecider(pool), poolStream(pool), seed, { newEventId: uuidv7 });
    }
    return this.#folded();
  }

  /** Decides what waits, and answers what admission has to know after it. */
  async carryOut(): Promise<readonly AdmissionFact[]> {
    this.#hasWork = false;
    try {
      for (const command of await this.#pending()) await this.#decide(command);
      return await this.#folded();
    } catch (error) {
      this.#hasWork = true;
      throw error;
    }
  }

  #pending(): Promise<readonly PendingCommand[]> {
    return this.#ports.store.pendingCommands({ partitions: [DISPATCHER_PARTITION] });
  }

  async #folded(): Promise<readonly AdmissionFact[]> {
    const { store, roster } = this.#ports;
    const pools = await loadStates(store, poolStream(''), poolDecider);
    const workers = await loadStates(store, workerStream(''), () => workerDecider);
    const facts = [...pools].flatMap(([pool, is]) => poolFacts(pool, this.#pools.get(pool), is));
    this.#pools = pools;
    return [...facts, ...roster.drainedBy(new Map([...workers].flatMap(([worker, by]) => (by === null ? [] : [[worker, by]]))))];
  }

  async #decide({ commandId, body }: PendingCommand): Promise<void> {
    const command = body as unknown as DispatcherCommand;
    try {
      const name = command.type === 'SetWorkerDrained' ? command.worker : command.pool;
      if (!isOneLine(name)) return await this.#answer(commandId, refusal(reject('invalid_name', 'A name is one line of 1 to 256 characters.')));
      switch (command.type) {
        case 'SetPool':
        case 'DeletePool':
          return await this.#execute(commandId, poolDecider(command.pool), poolStream(command.pool), { ...command, ...this.#given(command) });
        case 'SetWorkerDrained': {
          const isPresent = this.#ports.roster.incarnationOf(command.worker) !== undefined;
          return await this.#execute(commandId, workerDecider, workerStream(command.worker), { ...command, isPresent, ...this.#given(command) });
        }
        default:
          throw new Error(`invariant: no dispatcher knows the command ${JSON.stringify(command)}`);
      }
    } catch (error) {
      // The row waits for a store that is away; what can never be decided is answered, or nothing would be granted any more.
      if (error instanceof StoreFault && error.retryable) throw error;
      this.#ports.log.error('a command could not be decided', { commandId, ...errorAttributes(error) });
      await this.#answer(commandId, { kind: 'refused', code: 'internal', message: 'The dispatcher could not decide it; its log tells why.' });
    }
  }

  #given(command: DispatcherCommand): { readonly by: string; readonly atMs: number } {
    return { by: command.user, atMs: this.#ports.clock.nowMs() };
  }

  async #execute<Command, Event extends { readonly type: string }, State>(commandId: string, decider: Decider<Command, Event, State>, streamId: string, command: Command): Promise<void> {
    const { store } = this.#ports;
    const done: CommandOutcome = { kind: 'done', position: null };
    const executed = await execute(store, decider, streamId, command, { newEventId: uuidv7, alongside: () => ({ outcomes: [{ commandId, outcome: done as unknown as Json }] }) });
    if (executed.kind === 'rejected') await this.#answer(commandId, refusal(executed.rejection));
    // Nothing to change, so nothing was appended that the answer could go with.
    else if (executed.kind === 'decided' && executed.events.length === 0) await this.#answer(commandId, done);
  }

  async #answer(commandId: string, outcome: CommandOutcome): Promise<void> {
    await this.#ports.store.append([{ streamId: poolStream(''), expectedVersion: 0, events: [], outcomes: [{ commandId, outcome: outcome as unknown as Json }] }]);
  }
}

const refusal = ({ code, message }: Rejected): CommandOutcome => ({ kind: 'refused', code, message });

function poolFacts(pool: string, was: Pool | null | undefined, is: Pool | null): AdmissionFact[] {
  if (is === null) return was === null || was === undefined ? [] : [{ type: 'PoolDeleted', pool }];
  return [{ type: 'PoolDeclared', pool, slots: is.slots === -1 ? Infinity : is.slots, includeDeferred: is.includeDeferred }];
}

export interface DeclarationDeskPorts {
  readonly store: EventStore;
  readonly roster: WorkerRoster;
  /** Pools that the configuration names. */
  readonly seeds: readonly { readonly pool: string; readonly slots: number; readonly includeDeferred: boolean }[];
  readonly clock: Clock;
  readonly log: Log;
}
