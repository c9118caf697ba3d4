import { errorAttributes, type Log } from '@dagbook/platform';

export interface Part {
  readonly pid: number;
  readonly exited: Promise<void>;
  stop(): Promise<void>;
}

/** Keeps Postgres or the broker running as the supervisor keeps services: what is gone is started on the same folder and port. */
export class PartKeeper {
  readonly #name: string;
  readonly #start: () => Promise<Part>;
  readonly #log: Log;
  #part: Part | undefined;
  #stopping = false;

  constructor(name: string, start: () => Promise<Part>, log: Log) {
    this.#name = name;
    this.#start = start;
    this.#log = log;
  }

  get pid(): number | undefined {
    return this.#part?.pid;
  }

  async start(): Promise<void> {
    const part = await this.#start();
    this.#part = part;
    void part.exited.then(() => this.#again());
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#part?.stop();
  }

  async #again(): Promise<void> {
    if (this.#stopping) return;
    this.#log.warn('a part is gone and is started again', { part: this.#name });
    await this.start().catch((error: unknown) => {
      this.#log.error('a part could not be started; again in a second', { part: this.#name, ...errorAttributes(error) });
      setTimeout(() => void this.#again(), 1_000);
    });
  }
}
