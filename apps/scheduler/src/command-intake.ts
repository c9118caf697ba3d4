import type { CommandBody } from '@dagbook/contracts';
import type { EventStore, PendingCommand } from '@dagbook/event-store';
import { errorAttributes, type Log } from '@dagbook/platform';
import type { DagDesk } from './dag-desk.ts';

/**
 * Carries out commands of our DAGs from their rows. A message only says that there is one; the rows are also looked at
 * when a partition is taken and now and then, so a lost message delays a command and never loses it.
 */
export class CommandIntake {
  readonly #store: EventStore;
  readonly #desk: DagDesk;
  readonly #owns: (dagId: string) => boolean;
  readonly #log: Log;
  readonly #inHand = new Set<string>();

  constructor(store: EventStore, desk: DagDesk, owns: (dagId: string) => boolean, log: Log) {
    this.#store = store;
    this.#desk = desk;
    this.#owns = owns;
    this.#log = log;
  }

  /** Of these ids, or all that wait. */
  async takeUp(ids?: readonly string[]): Promise<void> {
    const pending = await this.#store.pendingCommands(ids === undefined ? {} : { ids });
    await Promise.all(pending.filter((command) => this.#owns(command.dagId) && !this.#inHand.has(command.commandId)).map((command) => this.#carryOut(command)));
  }

  async #carryOut({ commandId, dagId, body }: PendingCommand): Promise<void> {
    this.#inHand.add(commandId);
    try {
      await this.#desk.command(commandId, dagId, body as unknown as CommandBody);
    } catch (error) {
      this.#log.warn('a command could not be carried out; its row waits', { commandId, dagId, ...errorAttributes(error) });
    } finally {
      this.#inHand.delete(commandId);
    }
  }
}
