import type { SourceSite } from './error.ts';

/**
 * The SDK's own frames are passed over. From source it is this folder; built, it is one file, or a file and the chunks
 * that it shares with its siblings.
 */
const SDK_FILE = import.meta.url;
const OWN_FOLDER = new URL(/\/chunks\/[^/]*$/.test(SDK_FILE) || SDK_FILE.endsWith('.ts') ? '.' : '../chunks/', SDK_FILE).href;

/** A place in the stack, kept unread: a stack is formatted only when somebody asks, which for most declarations is never. */
export interface Mark {
  readonly stack?: string;
}

/** Remembers where the author's code called from. About 2 µs: twenty thousand declarations cost less than one bundle. */
export function mark(frames = 8): Mark {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = frames;
  const here = new Error();
  Error.stackTraceLimit = limit;
  return here;
}

/** The author's line that led here, for a mistake found during the call itself. */
export const callSite = (): SourceSite | undefined => siteOf(mark(100));

/** The first frame outside the SDK. */
export function siteOf(marked: Mark): SourceSite | undefined {
  for (const frame of (marked.stack ?? '').split('\n')) {
    const found = /(?:\(|at (?:async )?)((?:file:|dagbook-bundle:|\/)[^()]*):(\d+):(\d+)\)?$/.exec(frame);
    if (found === null) continue;
    const [, path, line, column] = found;
    if (path === undefined || isSdk(path)) continue;
    return { url: path, line: Number(line), column: Number(column) };
  }
  return undefined;
}

function isSdk(path: string): boolean {
  const url = path.startsWith('/') ? `file://${path}` : path;
  return url === SDK_FILE || (url.startsWith(OWN_FOLDER) && !url.includes('.spec.ts'));
}
