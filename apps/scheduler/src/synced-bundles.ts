import { BundleScanner, type BundleScannerOptions, type ScanDiff, type SyncedFiles } from '@dagbook/bundles';
import type { BundleState, BundleStore } from '@dagbook/event-store';
import { errorAttributes, type AlarmClock, type Log } from '@dagbook/platform';
import type { BundleChange, DagBundleSource } from './bundle-intake.ts';

export interface SyncedBundlesOptions {
  readonly bundle: Pick<BundleState, 'name' | 'kind' | 'location' | 'ref'>;
  readonly files: SyncedFiles;
  readonly pollMs: number;
  readonly scanning: Omit<BundleScannerOptions, 'folder'>;
  readonly states: BundleStore;
  readonly clock: AlarmClock;
  readonly log: Log;
}

/** How soon a person's request for a sync is seen. */
const ASKED_EVERY_MS = 1_000;

/**
 * DAG files that are fetched before they are read: git and S3. Fetching and reading take turns, so that what is read is one
 * version whole. While the source is away the last version stays in use, and the bundle's state says why.
 *
 * States: stopped → (fetching → reading → waiting) … → stopped. It waits for the next poll or for a request.
 */
export function syncedBundles({ bundle, files, pollMs, scanning, states, clock, log }: SyncedBundlesOptions): DagBundleSource {
  const scanner = new BundleScanner({ ...scanning, folder: files.folder });
  const stopping = new AbortController();
  let round: Promise<void> = Promise.resolve();
  let callOff = (): void => undefined;
  let asked = 0;
  let read: string | undefined;
  let dueAtMs = 0;

  const look = async (onChange: (change: BundleChange) => Promise<void>): Promise<void> => {
    const askedNow = await states.asked(bundle.name).catch(() => asked);
    if (clock.nowMs() < dueAtMs && askedNow === asked) return;
    asked = askedNow;
    dueAtMs = clock.nowMs() + pollMs;
    const state = await fetched();
    if (state.version !== null && (state.version !== read || scanner.isDue)) {
      // Until what it holds has been taken, it is due.
      dueAtMs = 0;
      await onChange(changeOf(await scanner.scan(), bundle.name, state.version));
      read = state.version;
      dueAtMs = clock.nowMs() + pollMs;
    }
    await states.save(state);
  };
  const fetched = async (): Promise<BundleState> => {
    try {
      const { version, problems } = await files.sync(stopping.signal);
      return { ...bundle, version, syncedAtMs: clock.nowMs(), checkedAtMs: clock.nowMs(), problem: problems.length === 0 ? null : problems.join(' ') };
    } catch (error) {
      stopping.signal.throwIfAborted();
      const version = files.version ?? null;
      const stays = version === null ? '' : ` The last good version, ${version.slice(0, 12)}, stays in use.`;
      log.warn('a bundle could not be fetched; it is tried again', { bundle: bundle.name, ...errorAttributes(error) });
      return { ...bundle, version, syncedAtMs: null, checkedAtMs: clock.nowMs(), problem: `${error instanceof Error ? error.message : String(error)}${stays}` };
    }
  };
  const turn = (onChange: (change: BundleChange) => Promise<void>): void => {
    if (stopping.signal.aborted) return;
    round = look(onChange)
      .catch((error: unknown) => {
        if (!stopping.signal.aborted) log.warn('a bundle could not be looked at; it is again in a moment', { bundle: bundle.name, ...errorAttributes(error) });
      })
      .then(() => {
        if (!stopping.signal.aborted) callOff = clock.alarm(clock.nowMs() + ASKED_EVERY_MS, () => turn(onChange));
      });
  };
  return {
    start: async (onChange) => {
      await states.save({ ...bundle, version: files.version ?? null, syncedAtMs: null, checkedAtMs: null, problem: null });
      turn(onChange);
    },
    stop: async () => {
      stopping.abort();
      callOff();
      await scanner.stop();
      await round;
    },
    askTimetable: (bundle, dagId, question) => scanner.askTimetable(bundle, dagId, question),
  };
}

function changeOf(diff: ScanDiff, name: string, version: string): BundleChange {
  return { parsed: diff.changed.map((parsed) => ({ ...parsed, origin: { name, version } })), failed: diff.failed, removed: diff.removed, complete: true };
}
