import { connect, type Api } from './api/client.ts';
import { findConnection } from './connection.ts';
import type { Format } from './format/print.ts';
import type { Terminal } from './terminal.ts';

export interface GlobalOptions {
  readonly output: Format;
  readonly url?: string;
  readonly token?: string;
}

/** One command line being carried out: what it was told for all commands, and the API, asked for only when needed. */
export class Session {
  readonly terminal: Terminal;
  readonly #options: () => GlobalOptions;

  /** `options` are known only once the command line has been read. */
  constructor(terminal: Terminal, options: () => GlobalOptions) {
    this.terminal = terminal;
    this.#options = options;
  }

  get options(): GlobalOptions {
    return this.#options();
  }

  get format(): Format {
    return this.options.output;
  }

  api(): Promise<Api> {
    return connect(findConnection(this.terminal, this.options), this.terminal.signal);
  }
}
