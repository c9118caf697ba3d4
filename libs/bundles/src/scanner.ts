import { createHash } from 'node:crypto';
import { watch as watchFolder, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PackedBundle, PackedFiles } from '@dagbook/contracts';
import type { ImportError, CodeAnswer, CodeQuestion } from '@dagbook/domain';
import { findFiles, readsFiles, type FoundFiles } from './bundle-files.ts';
import { BundlePackages, type BundlePackagesOptions } from './bundle-packages.ts';
import type { Bundled } from './bundler.ts';
import { authorSite, Bundler } from './bundler.ts';
import { listFiles, readSource, Signatures } from './folder.ts';
import type { ParsedDefinition, ParsedModule, ParseFailure } from './parse-protocol.ts';
import type { ParsePoolOptions } from './parse-pool.ts';
import { ParsePool } from './parse-pool.ts';

export interface ParsedFile {
  /** Relative to the DAG folder, with `/`. */
  readonly file: string;
  /** None when the file no longer defines a DAG. */
  readonly definitions: readonly ParsedDefinition[];
  readonly bundle: PackedBundle;
  /** What goes along with the code; absent when its tasks read none, or there is none. */
  readonly files?: PackedFiles;
  /** As the author wrote it, for the UI. */
  readonly source: string;
}

export interface FailedFile {
  readonly file: string;
  readonly error: ImportError;
}

/** What a scan found to differ from what was told before. A file stands in one list at most. */
export interface ScanDiff {
  readonly changed: readonly ParsedFile[];
  readonly failed: readonly FailedFile[];
  readonly removed: readonly string[];
}

export interface BundleScannerOptions extends Omit<ParsePoolOptions, 'childPath'> {
  readonly folder: string;
  /** Default: beside this module, `parse-child.ts` in source and `parse-child.js` when built. */
  readonly childPath?: string;
  /** Folders below it that are passed over. Default `examples`: those are read when somebody asks for them. */
  readonly ignore?: readonly string[];
  /** For DAGs that name no zone. */
  readonly timezone?: string;
  /** Where what the `package.json` beside the DAGs names is installed; absent: it is not. */
  readonly packages?: BundlePackagesOptions;
  /** Default 5 MB. */
  readonly fileLimitBytes?: number;
  /** How often the folder is looked through when no event says so. Default 5,000. */
  readonly pollMs?: number;
  /** How soon a file that hung is read once more, in case the machine was too busy; doubled each time. Default 60,000. */
  readonly retryTimedOutMs?: number;
}

type Outcome =
  | { readonly kind: 'parsed'; readonly parsed: ParsedFile }
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly error: ImportError };

/** What is known of a file. Texts are kept only while they are still to be told. */
interface FileState {
  /** Of the file, of all it imports, and of all its code read; undefined: to be read again whatever it looks like. */
  watched: Map<string, string | null> | undefined;
  sourceHash: string | undefined;
  bundleHash: string | undefined;
  /** Names the outcome last told; undefined: nothing was, and `none` need not be. */
  told: string | undefined;
  /** DAGs of the last good version: they stay this file's while it exists. */
  dagIds: readonly string[];
  /** Good, but a DAG in it belongs to another file. */
  withheld: ParsedFile | undefined;
  /** How often in a row the file hung, and when it is read again all the same. */
  timeouts: number;
  retryAtMs: number | undefined;
}

const UNKNOWN = 'unknown';
const SETTLE_MS = 20;
const WAVE_MS = 200;
const BUNDLER_IDLE_MS = 30_000;
const RETRY_CAP_MS = 1_800_000;
const DEFAULT_CHILD = new URL(import.meta.url.endsWith('.ts') ? './parse-child.ts' : './parse-child.js', import.meta.url).pathname;

/**
 * Follows a folder of DAG files: what is new or changed (itself, what it imports, what it reads) is bundled and
 * evaluated in parse children, and differences are told. Scans never overlap. A file that hangs delays only itself.
 *
 * A file: unseen → clean ⇄ dirty → … → removed. A DAG belongs to the file that had it first, until that file is gone
 * or has a good version without it; any other file that defines it fails with `duplicate_dag`, and recovers by itself.
 */
export class BundleScanner {
  readonly #options: BundleScannerOptions & { readonly fileLimitBytes: number; readonly pollMs: number; readonly retryTimedOutMs: number };
  readonly #pool: ParsePool;
  readonly #files = new Map<string, FileState>();
  readonly #owners = new Map<string, string>();
  readonly #packages: BundlePackages | undefined;
  #folder: string | undefined;
  #bundler: Bundler | undefined;
  #round: Promise<void> = Promise.resolve();
  #watching: AbortController | undefined;
  #bundlerIdle: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: BundleScannerOptions) {
    this.#options = { fileLimitBytes: 5 * 1024 * 1024, pollMs: 5_000, retryTimedOutMs: 60_000, ignore: ['examples'], ...options };
    this.#pool = new ParsePool({ ...options, childPath: options.childPath ?? DEFAULT_CHILD });
    this.#packages = options.packages === undefined ? undefined : new BundlePackages(options.packages);
  }

  /** Looks through the folder once and answers what differs. Rejects when the folder cannot be read. */
  async scan(): Promise<ScanDiff> {
    const all = { changed: [] as ParsedFile[], failed: [] as FailedFile[], removed: [] as string[] };
    await this.#nextRound(async (diff) => {
      all.changed.push(...diff.changed);
      all.failed.push(...diff.failed);
      all.removed.push(...diff.removed);
    });
    const byFile = (a: { readonly file: string }, b: { readonly file: string }) => (a.file < b.file ? -1 : 1);
    return { changed: all.changed.sort(byFile), failed: all.failed.sort(byFile), removed: all.removed.sort() };
  }

  /**
   * Scans now and whenever something changes, until `stop`. Each difference is told once `onChange` has taken it: if it
   * rejects, the same files are told again. Differences come as they are known, so one scan may tell several.
   */
  watch(onChange: (diff: ScanDiff) => Promise<void> | void, onError: (error: unknown) => void): void {
    if (this.#watching !== undefined) return;
    const watching = new AbortController();
    this.#watching = watching;
    void this.#follow(onChange, onError, watching.signal);
  }

  /** Something failed for a reason that may have passed: scanning again may find more, though no file has changed. */
  get isDue(): boolean {
    const nowMs = performance.now();
    return this.#packages?.isDue === true || [...this.#files.values()].some(({ retryAtMs = Number.POSITIVE_INFINITY }) => nowMs >= retryAtMs);
  }

  /** Asks a DAG's own timetable, in a parse child, by the code of the version that counts. Whatever goes wrong is the answer's `problem`. */
  async askTimetable({ file, code }: PackedBundle, dagId: string, question: CodeQuestion): Promise<CodeAnswer> {
    const { folder, timezone } = this.#options;
    const answer = await this.#pool.parse({ path: join(folder, file), code, ...(timezone === undefined ? {} : { timezone }), timetable: { dagId, question } }, () => undefined);
    if (answer.kind === 'parsed' && answer.timetable !== undefined) return answer.timetable;
    const problem = answer.kind === 'failed' ? answer.message : `${file} exports no DAG '${dagId}' with a schedule of its own code. Deploy the file again.`;
    if (question.kind === 'partitions') return { kind: 'partitions', mapped: [], problem };
    return question.kind === 'manual' ? { kind: 'manual', interval: null, problem } : { kind: question.kind, runs: [], problem };
  }

  /** Ends the watch, kills and reaps every child. Safe twice, and before a start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#watching?.abort();
    this.#watching = undefined;
    clearTimeout(this.#bundlerIdle);
    this.#packages?.stop();
    await this.#pool.stop();
    await this.#round;
    await this.#bundler?.stop();
  }

  async #follow(onChange: (diff: ScanDiff) => Promise<void> | void, onError: (error: unknown) => void, signal: AbortSignal): Promise<void> {
    const { pollMs, folder } = this.#options;
    let wake: (() => void) | undefined;
    let changedAtMs = 0;
    const noticed = () => {
      changedAtMs = performance.now();
      this.#pool.warm();
      wake?.();
    };
    const events = watchEvents(folder, noticed, onError);
    signal.addEventListener('abort', () => {
      events?.close();
      wake?.();
    }, { once: true });
    while (!signal.aborted) {
      const startedAtMs = performance.now();
      try {
        await this.#nextRound(async (diff) => onChange(diff));
      } catch (error) {
        onError(error);
      }
      if (signal.aborted) return;
      if (changedAtMs <= startedAtMs) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, pollMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        wake = undefined;
      }
      // An editor truncates, then writes: what changed a moment ago is left to settle.
      while (!signal.aborted && performance.now() - changedAtMs < SETTLE_MS) await sleep(SETTLE_MS - (performance.now() - changedAtMs) + 1);
    }
  }

  #nextRound(tell: (diff: ScanDiff) => Promise<void>): Promise<void> {
    const round = this.#round.then(() => this.#scanOnce(tell));
    this.#round = round.catch(() => undefined);
    return round;
  }

  async #scanOnce(tell: (diff: ScanDiff) => Promise<void>): Promise<void> {
    const folder = this.#folder ??= realpathSync(this.#options.folder);
    if ((await this.#packages?.look(folder)) === true) this.#readAllAnew();
    const bundler = this.#bundler ??= new Bundler(folder, this.#packages);
    const listed = listFiles(folder, this.#options.ignore);
    const present = new Set(listed);
    const removed = [...this.#files.keys()].filter((file) => !present.has(file));
    const signatures = new Signatures();
    const dirty = listed.filter((file) => this.#isDirty(file, signatures));
    if (dirty.length > 0) this.#pool.warm();
    const round = new Round(dirty);
    const wave = new Wave();
    for (const file of removed) this.#remove(file, wave);
    const finished = (async () => {
      const bundled = await this.#bundle(folder, bundler, round, signatures);
      await Promise.all(bundled.map((toParse) => this.#parse(folder, toParse, round, signatures)));
    })();
    try {
      // What is known is told every so often, so that one slow file holds nothing back.
      for (let done = false; !done && !this.#stopped;) {
        done = await settledWithin(finished, WAVE_MS);
        for (const [file, outcome] of round.take(done)) this.#settle(file, outcome, wave);
        if (done) this.#releaseWithheld(wave);
        if (!this.#stopped) await this.#tell(wave, tell);
      }
      await finished;
    } catch (error) {
      // The next scan must not overlap what still runs, and begins anew with what this one did not tell.
      await finished.catch(() => undefined);
      this.#forget([...round.files, ...wave.files()]);
      throw error;
    }
    clearTimeout(this.#bundlerIdle);
    this.#bundlerIdle = setTimeout(() => void bundler.stop(), BUNDLER_IDLE_MS).unref();
  }

  /** Other packages may make other code of the same files. */
  #readAllAnew(): void {
    for (const state of this.#files.values()) state.watched = undefined;
  }

  #isDirty(file: string, signatures: Signatures): boolean {
    const state = this.#files.get(file);
    const watched = state?.watched;
    if (watched === undefined || performance.now() >= (state?.retryAtMs ?? Number.POSITIVE_INFINITY)) return true;
    for (const [path, known] of watched) if (signatures.before(path) !== known) return true;
    return false;
  }

  /** Reads and bundles; answers what has to be evaluated, and tells the round what is known already. */
  async #bundle(folder: string, bundler: Bundler, round: Round, signatures: Signatures): Promise<ToParse[]> {
    const sources = new Map<string, { readonly text: string; readonly hash: string }>();
    await Promise.all(round.files.map(async (file) => {
      const state = this.#state(file);
      const path = join(folder, file);
      const own = signatures.before(path);
      const read = await readSource(folder, file, this.#options.fileLimitBytes);
      if (read.kind === 'unreadable') {
        Object.assign(state, { watched: new Map([[path, own]]), sourceHash: undefined, bundleHash: undefined });
        round.note(file, { kind: 'failed', error: read.error });
        return;
      }
      const othersChanged = state.watched === undefined || [...state.watched].some(([watched, known]) => watched !== path && signatures.before(watched) !== known);
      if (!othersChanged && read.hash === state.sourceHash) {
        state.watched?.set(path, own);
        round.leave(file);
        return;
      }
      sources.set(file, { text: read.text, hash: read.hash });
    }));
    const bundled = await bundler.bundle([...sources.keys()]);
    const toParse: ToParse[] = [];
    for (const [file, source] of sources) {
      const built = bundled.get(file);
      if (built === undefined) throw new Error(`invariant: ${file} was given to the bundler and is in no output`);
      const state = this.#state(file);
      const readBefore = state.watched;
      state.retryAtMs = undefined;
      state.sourceHash = source.hash;
      state.watched = new Map([join(folder, file), ...built.inputs].map((path) => [path, signatures.after(path)] as const));
      if (built.kind === 'unbundled') {
        state.bundleHash = undefined;
        round.note(file, { kind: 'failed', error: built.error });
      } else if (!built.importsSdk) {
        state.bundleHash = built.bundle.hash;
        round.note(file, { kind: 'none' });
      } else if (state.bundleHash === built.bundle.hash && readBefore !== undefined && sameBeyond(readBefore, state.watched, signatures)) {
        for (const [path, seen] of readBefore) if (!state.watched.has(path)) state.watched.set(path, seen);
        round.leave(file);
      } else {
        toParse.push({ file, source: source.text, built });
      }
    }
    return toParse;
  }

  async #parse(folder: string, { file, source, built }: ToParse, round: Round, signatures: Signatures): Promise<void> {
    const { bundle } = built;
    const { timezone } = this.#options;
    const request = { path: join(folder, file), code: bundle.code, ...(timezone === undefined ? {} : { timezone }) };
    const answer = await this.#pool.parse(request, () => round.passOver(file));
    const state = this.#state(file);
    if (answer.kind === 'failed') {
      state.bundleHash = undefined;
      if (answer.code === 'timed_out') this.#retryLater(state);
      round.note(file, { kind: 'failed', error: importError(file, bundle, answer) });
      return;
    }
    state.bundleHash = bundle.hash;
    state.timeouts = 0;
    for (const path of answer.filesRead) state.watched?.set(path, signatures.after(path));
    if (!answer.definitions.some(({ definition }) => readsFiles(definition))) return round.note(file, parsedOutcome(file, { bundle, source }, answer));
    const files = round.filesOf(() => findFiles(folder, this.#options.ignore));
    for (const path of files.watched) state.watched?.set(path, signatures.after(path));
    if (files.kind === 'too_large') return round.note(file, { kind: 'failed', error: { code: 'too_large', message: files.message } });
    round.note(file, parsedOutcome(file, { source, ...withFiles(bundle, files.packed) }, answer));
  }

  #retryLater(state: FileState): void {
    state.retryAtMs = performance.now() + Math.min(this.#options.retryTimedOutMs * 2 ** state.timeouts, RETRY_CAP_MS);
    state.timeouts += 1;
    state.sourceHash = undefined;
  }

  #state(file: string): FileState {
    let state = this.#files.get(file);
    if (state === undefined) {
      state = { watched: undefined, sourceHash: undefined, bundleHash: undefined, told: undefined, dagIds: [], withheld: undefined, timeouts: 0, retryAtMs: undefined };
      this.#files.set(file, state);
    }
    return state;
  }

  #remove(file: string, wave: Wave): void {
    const state = this.#state(file);
    this.#release(file, state.dagIds);
    this.#files.delete(file);
    if (state.told !== undefined) wave.removed.add(file);
  }

  #release(file: string, dagIds: readonly string[]): void {
    for (const dagId of dagIds) if (this.#owners.get(dagId) === file) this.#owners.delete(dagId);
  }

  #settle(file: string, outcome: Outcome, wave: Wave): void {
    const state = this.#state(file);
    state.withheld = undefined;
    if (outcome.kind === 'failed') return this.#note(file, { kind: 'failed', error: outcome.error }, wave);
    const dagIds = outcome.kind === 'none' ? [] : outcome.parsed.definitions.map(({ definition }) => definition.dagId);
    for (const dagId of dagIds) {
      const owner = this.#owners.get(dagId);
      if (owner === undefined || owner === file || outcome.kind === 'none') continue;
      state.withheld = outcome.parsed;
      return this.#note(file, { kind: 'failed', error: { code: 'duplicate_dag', message: `${file} defines the DAG '${dagId}', which ${owner} has already. Each DAG has an id of its own: rename one, or remove the other file.` } }, wave);
    }
    this.#release(file, state.dagIds);
    state.dagIds = dagIds;
    for (const dagId of dagIds) this.#owners.set(dagId, file);
    this.#note(file, outcome, wave);
  }

  /** A DAG's former file is gone or has given it up: whoever waited for it has it now. */
  #releaseWithheld(wave: Wave): void {
    for (const [file, { withheld }] of this.#files) {
      if (withheld === undefined) continue;
      const free = withheld.definitions.every(({ definition }) => [undefined, file].includes(this.#owners.get(definition.dagId)));
      if (free) this.#settle(file, { kind: 'parsed', parsed: withheld }, wave);
    }
  }

  #note(file: string, outcome: Outcome, wave: Wave): void {
    const state = this.#state(file);
    const key = keyOf(outcome);
    if (key === state.told || (outcome.kind === 'none' && state.told === undefined)) return;
    state.told = key;
    wave.outcomes.set(file, outcome);
  }

  async #tell(wave: Wave, tell: (diff: ScanDiff) => Promise<void>): Promise<void> {
    const diff = wave.take();
    if (diff === undefined) return;
    try {
      await tell(diff);
    } catch (error) {
      this.#forget([...diff.changed.map(({ file }) => file), ...diff.failed.map(({ file }) => file), ...diff.removed]);
      throw error;
    }
  }

  /** They are read and told again, whatever they are. */
  #forget(files: readonly string[]): void {
    for (const file of files) {
      const neverTold = this.#files.has(file) && this.#state(file).told === undefined;
      Object.assign(this.#state(file), { watched: undefined, sourceHash: undefined, bundleHash: undefined, told: neverTold ? undefined : UNKNOWN });
    }
  }
}

interface ToParse {
  readonly file: string;
  readonly source: string;
  readonly built: Bundled;
}

/**
 * The files that a scan looks into. Outcomes are taken in order of name, so that which of two files has a DAG does not
 * depend on which was quicker; only slow files are passed over.
 */
class Round {
  readonly files: readonly string[];
  readonly #open: Set<string>;
  readonly #slow = new Set<string>();
  readonly #known = new Map<string, Outcome>();
  #beside: FoundFiles | undefined;

  constructor(files: readonly string[]) {
    this.files = files;
    this.#open = new Set(files);
  }

  note(file: string, outcome: Outcome): void {
    this.#known.set(file, outcome);
  }

  /** Looked for once, however many DAGs of the round take them along. */
  filesOf(find: () => FoundFiles): FoundFiles {
    return (this.#beside ??= find());
  }

  /** It is as it was. */
  leave(file: string): void {
    this.#open.delete(file);
  }

  passOver(file: string): void {
    this.#slow.add(file);
  }

  take(all: boolean): (readonly [file: string, outcome: Outcome])[] {
    const taken: (readonly [string, Outcome])[] = [];
    for (const file of this.#open) {
      const outcome = this.#known.get(file);
      if (outcome !== undefined) {
        this.#open.delete(file);
        taken.push([file, outcome]);
      } else if (!all && !this.#slow.has(file)) {
        break;
      }
    }
    return taken;
  }
}

async function settledWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  try {
    return await Promise.race([work.then(() => true), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** What is to be told next. */
class Wave {
  readonly outcomes = new Map<string, Outcome>();
  readonly removed = new Set<string>();

  files(): string[] {
    return [...this.outcomes.keys(), ...this.removed];
  }

  take(): ScanDiff | undefined {
    if (this.outcomes.size === 0 && this.removed.size === 0) return undefined;
    const changed: ParsedFile[] = [];
    const failed: FailedFile[] = [];
    for (const [file, outcome] of this.outcomes) {
      if (outcome.kind === 'parsed') changed.push(outcome.parsed);
      else if (outcome.kind === 'failed') failed.push({ file, error: outcome.error });
      else changed.push({ file, definitions: [], bundle: { hash: '', file, code: '' }, source: '' });
    }
    const diff = { changed, failed, removed: [...this.removed] };
    this.outcomes.clear();
    this.removed.clear();
    return diff;
  }
}

function keyOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'parsed':
      return `${outcome.parsed.bundle.hash} ${outcome.parsed.definitions.map(({ planHash }) => planHash).join(' ')}`;
    case 'none':
      return 'none';
    case 'failed':
      return JSON.stringify(outcome.error);
  }
}

/** Code with other files beside it is another version: a run keeps both as they were. */
function withFiles(bundle: PackedBundle, files: PackedFiles | undefined): Pick<ParsedFile, 'bundle' | 'files'> {
  if (files === undefined) return { bundle };
  const hash = createHash('sha256').update(bundle.hash).update('\0').update(files.hash).digest('hex');
  return { bundle: { ...bundle, hash, filesHash: files.hash }, files };
}

function parsedOutcome(file: string, parsed: Omit<ParsedFile, 'file' | 'definitions'>, { definitions, unexported }: ParsedModule): Outcome {
  const seen = new Set<string>();
  for (const { definition } of definitions) {
    if (seen.has(definition.dagId)) {
      return { kind: 'failed', error: { code: 'duplicate_dag', message: `${file} exports two DAGs with the id '${definition.dagId}'. Each DAG has an id of its own: rename one.` } };
    }
    seen.add(definition.dagId);
  }
  const [forgotten] = unexported;
  if (definitions.length === 0 && forgotten !== undefined) {
    return { kind: 'failed', error: { code: 'no_dag', message: `${file} makes the DAG '${forgotten}' and does not export it. Add: export default …` } };
  }
  return definitions.length === 0 ? { kind: 'none' } : { kind: 'parsed', parsed: { file, definitions, ...parsed } };
}

function importError(file: string, bundle: PackedBundle, failure: ParseFailure): ImportError {
  const site = failure.site === undefined ? undefined : authorSite(bundle, failure.site);
  const where = site !== undefined && site.file !== file ? ` (in ${site.file}, which it imports)` : '';
  return {
    code: failure.code, message: `${failure.message}${where}`,
    ...(site === undefined ? {} : { line: site.line, column: site.column }),
    ...(failure.stack === undefined ? {} : { stack: failure.stack.slice(0, 4000) }),
  };
}

/** Whether nothing but what the bundle holds has changed: files that the code read while it was evaluated count apart. */
function sameBeyond(before: ReadonlyMap<string, string | null>, inputs: ReadonlyMap<string, string | null>, signatures: Signatures): boolean {
  for (const [path, known] of before) if (!inputs.has(path) && signatures.before(path) !== known) return false;
  return true;
}

/** Events make a change visible at once; where there are none (NFS, too few watches), polling still finds it. */
function watchEvents(folder: string, noticed: () => void, onError: (error: unknown) => void): { close(): void } | undefined {
  try {
    const watcher = watchFolder(folder, { recursive: true, persistent: false }, noticed);
    watcher.on('error', onError);
    return watcher;
  } catch (error) {
    onError(error);
    return undefined;
  }
}
