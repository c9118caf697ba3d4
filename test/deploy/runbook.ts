import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = process.env['DAGBOOK_ROOT'] ?? process.cwd();

/** The commands that `deploy/README.md` prints, each a line; it remembers which of them were asked for. */
export class Runbook {
  readonly #commands = readFileSync(join(ROOT, 'deploy/README.md'), 'utf8').split('\n').filter((line) => line.startsWith('    ')).map((line) => line.trim());
  readonly #asked = new Set<string>();

  /** The command of exactly these words, else the one that holds them; it may be printed more than once. */
  command(words: string): string {
    const found = this.#commands.includes(words) ? new Set([words]) : new Set(this.#commands.filter((command) => command.includes(words)));
    const [command] = found;
    if (command === undefined || found.size > 1) throw new Error(`the runbook prints ${found.size} commands with "${words}"`);
    this.#asked.add(command);
    return command;
  }

  get notAsked(): readonly string[] {
    return [...new Set(this.#commands)].filter((command) => !this.#asked.has(command));
  }
}
