import { BundleScanner, type ScanDiff } from '@dagbook/bundles';
import { errorAttributes, type Log } from '@dagbook/platform';
import type { DagBundleSource } from './bundle-intake.ts';

export interface FolderBundlesOptions {
  readonly folder: string;
  /** Folders in it that are passed over. Default: `examples`. */
  readonly ignore?: readonly string[];
  /** Of DAGs that name no zone. */
  readonly timezone: string;
  /** The built SDK and the child that evaluates DAG files. */
  readonly sdkPath: string;
  readonly childPath?: string;
  readonly log: Log;
}

/** DAG files of a folder, watched. */
export function folderBundles(options: FolderBundlesOptions): DagBundleSource {
  const { log, ...scanning } = options;
  const { folder } = options;
  const scanner = new BundleScanner(scanning);
  return {
    start: async (onChange) => {
      const tell = (diff: ScanDiff, complete = false): Promise<void> => onChange({ parsed: diff.changed, failed: diff.failed, removed: diff.removed, complete });
      const unread = (error: unknown): void => log.warn('the DAG folder could not be read; it is again in a moment', { folder, ...errorAttributes(error) });
      scanner.watch((diff) => tell(diff), unread);
      // Differences come in waves; a scan of its own, behind the first, ends when all of that one is known.
      void scanner.scan().then((diff) => tell(diff, true), unread);
    },
    stop: () => scanner.stop(),
    askTimetable: (bundle, dagId, question) => scanner.askTimetable(bundle, dagId, question),
  };
}
