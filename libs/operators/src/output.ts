import { TaskFailure, type OperatorContext } from '@dagbook/sdk';
import { LineReader } from './line-reader.ts';

const TAIL_LINES = 20;
const COMPLAINT_CHARACTERS = 300;
const CONTROL = /\p{Cc}+/gu;
/** A result is read from memory; what is larger belongs into a file or an object. */
const MAX_RESULT_CHARACTERS = 32 * 2 ** 20;

/** What a program writes: each line goes to the task's log at once, and the last ones are kept for a result or a failure. */
export class Output {
  readonly stdout: LineReader;
  readonly stderr: LineReader;
  readonly #tail: string[] = [];
  readonly #kept: string[] = [];
  readonly #context: OperatorContext;
  #lastError: string | null = null;
  /** Pieces of stdout's last line, and whether it goes on. */
  #lastLine: string[] = [];
  #lastLineLength = 0;
  #goesOn = false;

  constructor(context: OperatorContext, options: { readonly keepsAll?: boolean } = {}) {
    this.#context = context;
    const logged = (logger: string, level: 'info' | 'error') =>
      new LineReader((line, goesOn) => {
        context.io.log(level, line, { logger });
        if (this.#tail.push(line) > TAIL_LINES) this.#tail.shift();
        if (logger !== 'task.stdout') {
          if (line.trim() !== '') this.#lastError = line;
          return;
        }
        this.#keepLastLine(line, goesOn);
        if (options.keepsAll === true) this.#kept.push(goesOn ? line : `${line}\n`);
      }, { mask: () => context.io.mask?.() });
    this.stdout = logged('task.stdout', 'info');
    this.stderr = logged('task.stderr', 'error');
  }

  /** stdout's, null when there was none; throws for one that is too long to be a result. */
  get lastLine(): string | null {
    if (this.#lastLineLength > MAX_RESULT_CHARACTERS) {
      throw new TaskFailure('bad_input', `the last line of stdout, which is the result, has ${this.#lastLineLength} characters, but must have at most ${MAX_RESULT_CHARACTERS}: write it to a file or to S3, and print where it is`, { retry: false });
    }
    return this.#lastLine.length === 0 ? null : this.#lastLine.join('');
  }

  #keepLastLine(piece: string, goesOn: boolean): void {
    if (!this.#goesOn) [this.#lastLine, this.#lastLineLength] = [[], 0];
    this.#goesOn = goesOn;
    this.#lastLineLength += piece.length;
    if (this.#lastLineLength <= MAX_RESULT_CHARACTERS) this.#lastLine.push(piece);
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
    return this.#kept.join('');
  }

  get tail(): string {
    return this.#tail.join('\n');
  }

  end(): void {
    this.stdout.end();
    this.stderr.end();
  }
}
