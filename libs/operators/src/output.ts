import type { OperatorContext } from '@dagbook/sdk';
import { LineReader } from './line-reader.ts';

const TAIL_LINES = 20;
const COMPLAINT_CHARACTERS = 300;
const CONTROL = /\p{Cc}+/gu;

/** What a program writes: each line goes to the task's log at once, and the last ones are kept for a result or a failure. */
export class Output {
  readonly stdout: LineReader;
  readonly stderr: LineReader;
  readonly #tail: string[] = [];
  readonly #kept: string[] = [];
  readonly #context: OperatorContext;
  #lastLine: string | null = null;
  #lastError: string | null = null;

  constructor(context: OperatorContext, options: { readonly keepsAll?: boolean } = {}) {
    this.#context = context;
    const logged = (logger: string, level: 'info' | 'error') =>
      new LineReader((line) => {
        context.io.log(level, line, { logger });
        if (this.#tail.push(line) > TAIL_LINES) this.#tail.shift();
        if (logger !== 'task.stdout') {
          if (line.trim() !== '') this.#lastError = line;
          return;
        }
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

  /** What the program said last on stderr, for a sentence; null: nothing. */
  get complaint(): string | null {
    if (this.#lastError === null) return null;
    const line = this.#lastError.trim();
    const shown = (this.#context.io.mask?.()?.mask(line) ?? line).replaceAll(CONTROL, ' ');
    return shown.length > COMPLAINT_CHARACTERS ? `${shown.slice(0, COMPLAINT_CHARACTERS)}…` : shown;
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
