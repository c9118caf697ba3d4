import type { OperatorContext } from '@dagbook/sdk';
import { LineReader } from './line-reader.ts';

const TAIL_LINES = 20;

/** What a program writes: each line goes to the task's log at once, and the last ones are kept for a result or a failure. */
export class Output {
  readonly stdout: LineReader;
  readonly stderr: LineReader;
  readonly #tail: string[] = [];
  readonly #kept: string[] = [];
  #lastLine: string | null = null;

  constructor(context: OperatorContext, options: { readonly keepsAll?: boolean } = {}) {
    const logged = (logger: string, level: 'info' | 'error') =>
      new LineReader((line) => {
        context.io.log(level, line, { logger });
        if (this.#tail.push(line) > TAIL_LINES) this.#tail.shift();
        if (logger !== 'task.stdout') return;
        this.#lastLine = line;
        if (options.keepsAll === true) this.#kept.push(line);
      }, { mask: () => context.io.mask?.() });
    this.stdout = logged('task.stdout', 'info');
    this.stderr = logged('task.stderr', 'error');
  }

  /** stdout's, null when there was none. */
  get lastLine(): string | null {
    return this.#lastLine;
  }

  /** All of stdout, when it is kept. */
  get text(): string {
    return this.#kept.join('\n');
  }

  get tail(): string {
    return this.#tail.join('\n');
  }

  end(): void {
    this.stdout.end();
    this.stderr.end();
  }
}
