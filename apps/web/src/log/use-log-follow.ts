import { useCallback, useEffect, useState } from 'react';
import { followStream } from '../api/event-stream.ts';
import { logStreamUrl } from '../api/query.ts';
import type { LogRow } from '../model/log-line.ts';
import { parseLogLines } from '../model/log-line.ts';
import type { LogAddress } from './log-view.tsx';

/** Lines kept in the page: about 60 MB of a browser's memory; the rest stays where the log is stored. */
const MOST_ROWS = 200_000;
/** A longer log opens at its end: some 15,000 lines of it. */
const TAIL_BYTES = 2_097_152;

interface FollowedLog {
  readonly rows: readonly LogRow[];
  /** Earlier rows that are not kept any more. */
  readonly dropped: number;
  /** The log is long and its beginning was not asked for; `fromStart` asks for it. */
  readonly beginsLate: boolean;
  readonly fromStart: () => void;
  readonly state: 'connecting' | 'open' | 'broken' | 'refused' | 'ended';
  readonly refusedStatus: number | null;
  readonly retry: () => void;
}

const NOTHING = { rows: [], dropped: 0, beginsLate: false, state: 'connecting', refusedStatus: null } as const;

/** Follows a try's log, a long one from near its end; what arrives within one frame becomes one change of the list. */
export function useLogFollow(address: LogAddress): FollowedLog {
  const { dagId, runId, taskId, mapIndex, tryNumber } = address;
  const [log, setLog] = useState<Omit<FollowedLog, 'retry' | 'fromStart'>>(NOTHING);
  const [asked, setAsked] = useState(0);
  const retry = useCallback(() => setAsked((times) => times + 1), []);
  const [whole, setWhole] = useState(false);
  const fromStart = useCallback(() => setWhole(true), []);

  useEffect(() => {
    setLog(NOTHING);
    const abort = new AbortController();
    let arrived = '';
    let frame = 0;
    const take = (): void => {
      frame = 0;
      const text = arrived;
      arrived = '';
      setLog((now) => {
        const rows = [...now.rows, ...parseLogLines(text, now.dropped + now.rows.length + 1)];
        const dropped = Math.max(0, rows.length - MOST_ROWS);
        return { ...now, rows: dropped === 0 ? rows : rows.slice(dropped), dropped: now.dropped + dropped };
      });
    };
    void followStream({
      url: logStreamUrl(dagId, runId, taskId, mapIndex, tryNumber, whole ? undefined : TAIL_BYTES),
      signal: abort.signal,
      onEvent: ({ event, data }) => {
        if (event === 'start') {
          setLog((now) => ({ ...now, beginsLate: (JSON.parse(data) as { from_byte: number }).from_byte > 0 }));
          return;
        }
        arrived += `${data}\n`;
        if (frame === 0) frame = requestAnimationFrame(take);
      },
      onState: (state) => setLog((now) => ({ ...now, state: state.state, refusedStatus: state.state === 'refused' ? state.status : null })),
    }).then(() => {
      if (!abort.signal.aborted) setLog((now) => (now.state === 'refused' ? now : { ...now, state: 'ended' }));
    });
    return () => {
      abort.abort();
      cancelAnimationFrame(frame);
    };
  }, [dagId, runId, taskId, mapIndex, tryNumber, asked, whole]);

  return { ...log, retry, fromStart };
}
