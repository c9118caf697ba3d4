import { useCallback, useEffect, useState } from 'react';
import { followStream } from '../api/event-stream.ts';
import { logStreamUrl } from '../api/query.ts';
import type { LogRow } from '../model/log-line.ts';
import { parseLogLines } from '../model/log-line.ts';
import type { LogAddress } from './log-view.tsx';

/** Lines kept in the page: about 60 MB of a browser's memory; the rest stays where the log is stored. */
const MOST_ROWS = 200_000;

interface FollowedLog {
  readonly rows: readonly LogRow[];
  /** Earlier rows that are not kept any more. */
  readonly dropped: number;
  readonly state: 'connecting' | 'open' | 'broken' | 'refused' | 'ended';
  readonly refusedStatus: number | null;
  readonly retry: () => void;
}

const NOTHING = { rows: [], dropped: 0, state: 'connecting', refusedStatus: null } as const;

/** Follows a try's log from its first byte; what arrives within one frame becomes one change of the list. */
export function useLogFollow(address: LogAddress): FollowedLog {
  const { dagId, runId, taskId, mapIndex, tryNumber } = address;
  const [log, setLog] = useState<Omit<FollowedLog, 'retry'>>(NOTHING);
  const [asked, setAsked] = useState(0);
  const retry = useCallback(() => setAsked((times) => times + 1), []);

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
      url: logStreamUrl(dagId, runId, taskId, mapIndex, tryNumber),
      signal: abort.signal,
      onEvent: ({ data }) => {
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
  }, [dagId, runId, taskId, mapIndex, tryNumber, asked]);

  return { ...log, retry };
}
