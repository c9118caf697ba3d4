import type { SourceSite } from './error.ts';

const SDK_FOLDER = new URL('.', import.meta.url).href;
const SDK_FILE = import.meta.url;
/** From source the SDK is a folder of modules; built, it is one file beside others that are not the SDK's. */
const BUILT = SDK_FILE.endsWith('.js');

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
  if (BUILT) return url === SDK_FILE;
  return url.startsWith(SDK_FOLDER) && !url.includes('.spec.ts');
}
