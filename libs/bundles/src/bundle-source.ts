/** A place of files that are fetched before they are read. */
export interface SyncedFiles {
  /** The folder in which DAG files are found, absolute. It holds the last version that was fetched whole. */
  readonly folder: string;
  /** Of what lies in the folder; undefined: nothing was ever fetched. */
  readonly version: string | undefined;
  /** Fetches what is new and answers whether anything was; rejects with a `BundleFault`, and what was there stays. */
  sync(signal: AbortSignal): Promise<SyncOutcome>;
}

export interface SyncOutcome {
  readonly changed: boolean;
  readonly version: string;
  /** What could not be taken, a sentence each; the rest was. */
  readonly problems: readonly string[];
}

/** Files cannot be fetched. The message is a sentence with what to do; `code` is stable. */
export class BundleFault extends Error {
  readonly code: 'bundle.unreachable' | 'bundle.no_such_ref' | 'bundle.no_folder' | 'bundle.no_program';
  constructor(code: BundleFault['code'], message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.name = 'BundleFault';
    this.code = code;
  }
}
