import { close, fstatSync, ftruncate, mkdirSync, open, openSync, readFileSync, rename, write, writeSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { AttemptFinished, AttemptLost } from '@dagbook/contracts';

export type FinalReport =
  | { readonly type: 'AttemptFinished'; readonly data: AttemptFinished }
  | { readonly type: 'AttemptLost'; readonly data: AttemptLost };

const WRITE_AFTER_MS = 20;
const BUSY_BYTES = 8 * 1024 * 1024;

const writeText = promisify<number, string, number>((file, text, done) => write(file, text, (error, bytes) => done(error, bytes)));
const truncate = promisify(ftruncate);
const openFile = promisify<string, string, number, number>(open);
const closeFile = promisify(close);
const renameFile = promisify(rename);

/**
 * The reports that wait for an acknowledgement, in a file that outlives the process (not the host's power).
 *
 * A report is `kept` → `written` after `WRITE_AFTER_MS`, or `dropped` before it came to that: as a rule it is
 * acknowledged sooner and never costs the disk anything. The file is for a bus or a scheduler that is away; in those
 * first milliseconds the bus has the report, or the worker's death is one before the report. The writer never blocks
 * the event loop: on a disk that Postgres syncs all the time a plain append took half of the worker's time. One
 * operation runs at a time.
 */
export class ReportFile {
  readonly #path: string;
  readonly #onError: (error: unknown) => void;
  #file: number;
  #bytes: number;
  readonly #kept = new Set<FinalReport>();
  #unwritten: FinalReport[] = [];
  #tidyWanted = false;
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<void> | undefined;

  constructor(stateDir: string, onError: (error: unknown) => void) {
    const folder = join(stateDir, 'reports');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#path = join(folder, 'final.jsonl');
    this.#onError = onError;
    this.#file = openSync(this.#path, 'a+', 0o600);
    this.#bytes = fstatSync(this.#file).size;
  }

  /** What an earlier incarnation could not deliver; it is kept from here on. Called once, before anything else. */
  recover(): readonly FinalReport[] {
    const reports = readReports(readFileSync(this.#path, 'utf8'));
    for (const report of reports) this.#kept.add(report);
    // A line cut in half by the predecessor's death must not swallow the first one written now.
    if (this.#bytes > 0) this.#bytes += writeSync(this.#file, '\n');
    return reports;
  }

  keep(report: FinalReport): void {
    this.#kept.add(report);
    this.#unwritten.push(report);
    this.#timer ??= setTimeout(() => this.#work(), WRITE_AFTER_MS);
  }

  drop(report: FinalReport): void {
    this.#kept.delete(report);
  }

  /** Frees what dropped reports hold, when that is all of the file or much. */
  tidy(): void {
    this.#tidyWanted = true;
    this.#work();
  }

  /** What is kept is written before it resolves. */
  async close(): Promise<void> {
    this.tidy();
    while (this.#working !== undefined) await this.#working;
    await closeFile(this.#file);
  }

  #work(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#working ??= this.#run()
      .catch(this.#onError)
      .finally(() => {
        this.#working = undefined;
        // Wanted between the last look and now.
        if (this.#tidyWanted) this.#work();
      });
  }

  async #run(): Promise<void> {
    while (this.#unwritten.length > 0 || this.#tidyWanted) {
      if (this.#unwritten.length > 0) {
        const reports = this.#unwritten.filter((report) => this.#kept.has(report));
        this.#unwritten = [];
        if (reports.length > 0) this.#bytes += await writeText(this.#file, linesOf(reports));
      } else {
        this.#tidyWanted = false;
        if (this.#kept.size === 0 && this.#bytes > 0) await this.#empty();
        else if (this.#bytes > BUSY_BYTES) await this.#rewrite();
      }
    }
  }

  async #empty(): Promise<void> {
    await truncate(this.#file, 0);
    this.#bytes = 0;
  }

  /** The old file stands until the new one is whole: the process may be killed at any point of this. */
  async #rewrite(): Promise<void> {
    this.#unwritten = [];
    const next = await openFile(`${this.#path}.next`, 'w', 0o600);
    const bytes = await writeText(next, linesOf(this.#kept));
    await renameFile(`${this.#path}.next`, this.#path);
    const previous = this.#file;
    this.#file = next;
    this.#bytes = bytes;
    await closeFile(previous);
  }
}

function linesOf(reports: Iterable<FinalReport>): string {
  let text = '';
  for (const report of reports) text += `${JSON.stringify(report)}\n`;
  return text;
}

/** A line that the death of a process cut in half was never whole, and is left out. */
function readReports(text: string): readonly FinalReport[] {
  return text.split('\n').flatMap((line) => {
    if (line === '') return [];
    try {
      return [JSON.parse(line) as FinalReport];
    } catch {
      return [];
    }
  });
}
