import type { AttemptKey, LogReader, LogSlice } from '@dagbook/contracts';

export interface Followed {
  readonly attempt: AttemptKey;
  readonly fromByte: number;
  /** Resolves when the try is over. */
  readonly over: Promise<void>;
  /** How long nothing has come of a try that is over before it is looked whether anything will. */
  readonly quietMs: number;
}

/**
 * A log as it is written, to its end. That of a worker that was lost has none: it is over when the try is, nothing has come for a
 * while, and the store, asked, has no more. While the store does not answer it may have.
 */
export async function* followToEnd(logs: Pick<LogReader, 'follow' | 'read'>, { attempt, fromByte, over, quietMs }: Followed, signal: AbortSignal): AsyncIterable<LogSlice> {
  let nextByte = fromByte;
  let isOver = false;
  let stir = (): void => undefined;
  void over.then(() => {
    isOver = true;
    stir();
  });
  while (!signal.aborted) {
    const quiet = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    stir = () => {
      clearTimeout(timer);
      if (isOver) timer = setTimeout(() => quiet.abort(), quietMs);
    };
    stir();
    try {
      for await (const slice of logs.follow({ attempt, fromByte: nextByte }, AbortSignal.any([signal, quiet.signal]))) {
        nextByte = slice.nextByte;
        yield slice;
        if (slice.ended) return;
        stir();
      }
    } finally {
      clearTimeout(timer);
    }
    if (!quiet.signal.aborted) return;
    const rest = await logs.read({ attempt, fromByte: nextByte, maxBytes: 1 }).catch(() => undefined);
    if (rest === null || (rest !== undefined && rest.nextByte <= nextByte)) return;
  }
}
