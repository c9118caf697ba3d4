import { TextInput } from '@mantine/core';
import IconSearch from '@tabler/icons-react/icons/IconSearch';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import { eventsQuery } from '../api/query.ts';
import type { RecordedEvent } from '../api/shape.ts';
import { useZone } from '../frame/zone.tsx';
import { clockInstant, duration, fullInstant } from '../model/time-format.ts';
import { Empty, Reading } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './event-timeline.module.css';

const LINE_PX = 26;

/** The raw events of a run in the order they were recorded; one at a time opens to its whole JSON. */
export function EventTimeline({ dagId, runId }: { readonly dagId: string; readonly runId: string }) {
  const text = useText();
  const read = useInfiniteQuery(eventsQuery(dagId, runId));
  const [wanted, setWanted] = useState('');
  const { hasNextPage, isFetching, fetchNextPage } = read;
  useEffect(() => {
    if (hasNextPage && !isFetching) void fetchNextPage();
  }, [hasNextPage, isFetching, fetchNextPage]);
  const recorded = useMemo(() => read.data?.pages.flatMap((page) => page.events) ?? [], [read.data]);
  const shown = useMemo(() => {
    const low = wanted.toLowerCase();
    return low === '' ? recorded : recorded.filter((event) => `${event.type} ${event.task_id ?? ''} ${event.stream_id}`.toLowerCase().includes(low));
  }, [recorded, wanted]);
  return (
    <Reading read={read} rows={8} rowHeight={LINE_PX}>
      {() => (recorded.length === 0 ? <Empty title={text.run.noEvents} /> : (
        <div className={style.timeline} data-testid="event-timeline">
          <div className={style.bar}>
            <TextInput className={style.filter} aria-label={text.run.eventFilter} placeholder={text.run.eventFilter} value={wanted} onChange={(event) => setWanted(event.currentTarget.value)} leftSection={<IconSearch size={14} aria-hidden />} />
            <span className="soft">{text.run.eventsShown(shown.length)}</span>
          </div>
          <Lines events={shown} />
        </div>
      ))}
    </Reading>
  );
}

function Lines({ events }: { readonly events: readonly RecordedEvent[] }) {
  const text = useText();
  const zone = useZone();
  const scroll = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<RecordedEvent | null>(null);
  const lines = useVirtualizer({ count: events.length, getScrollElement: () => scroll.current, estimateSize: () => LINE_PX, overscan: 20 });
  const firstMs = Date.parse(events[0]?.at ?? '');
  return (
    <>
      <div ref={scroll} className={style.scroll} tabIndex={0} role="region" aria-label={text.run.events}>
        <ol className={style.sheet} style={{ height: lines.getTotalSize() }}>
          {lines.getVirtualItems().map((line) => {
            const event = events[line.index];
            if (event === undefined) return null;
            const atMs = Date.parse(event.at);
            return (
              <li key={`${event.stream_id}/${event.version}`} className={style.line} style={{ transform: `translateY(${line.start}px)` }} data-testid="event" data-type={event.type}>
                <button type="button" className={style.button} aria-expanded={open === event} onClick={() => setOpen(open === event ? null : event)}>
                  <span className={style.version}>{event.version}</span>
                  <time className={style.time} dateTime={event.at} title={fullInstant(atMs, zone)}>{clockInstant(atMs, zone)}</time>
                  <span className={style.offset}>+{duration(atMs - firstMs)}</span>
                  <span className={style.type} data-kind={kindOf(event.type)}>{event.type}</span>
                  <span className={style.subject}>
                    {event.task_id ?? ''}{event.map_index !== null && event.map_index >= 0 && `[${event.map_index}]`}
                    {event.try_number !== null && event.try_number > 0 && <span className="soft"> #{event.try_number}</span>}
                  </span>
                </button>
              </li>
            );
          })}
        </ol>
      </div>
      {open !== null && (
        <div className={style.data} data-testid="event-data">
          <p className="soft">{text.run.stream} <code>{open.stream_id}@{open.version}</code> · <code>{open.position}</code></p>
          <pre className="mono" tabIndex={0}>{JSON.stringify(open.data, null, 2)}</pre>
        </div>
      )}
    </>
  );
}

/** Only ends are coloured: in a journal most lines are quiet. */
function kindOf(type: string): 'good' | 'bad' | 'wait' | 'plain' {
  if (type.endsWith('Succeeded')) return 'good';
  if (/Failed$|Lost$/.test(type)) return 'bad';
  if (/RetryScheduled$|Rescheduled$|Deferred$/.test(type)) return 'wait';
  return 'plain';
}
