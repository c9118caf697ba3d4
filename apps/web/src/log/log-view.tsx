import { ActionIcon, Anchor, NativeSelect, TextInput } from '@mantine/core';
import IconArrowBarToDown from '@tabler/icons-react/icons/IconArrowBarToDown';
import IconDownload from '@tabler/icons-react/icons/IconDownload';
import IconSearch from '@tabler/icons-react/icons/IconSearch';
import IconTextWrap from '@tabler/icons-react/icons/IconTextWrap';
import { useVirtualizer } from '@tanstack/react-virtual';
import Anser from 'anser';
import { memo, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import { getLog } from '@dagbook/api-client';
import { setPreference, usePreference } from '../frame/preference.ts';
import { useZone } from '../frame/zone.tsx';
import type { LogLevel, LogRow } from '../model/log-line.ts';
import { filterRows, LOG_LEVELS } from '../model/log-line.ts';
import { clockInstant, fullInstant } from '../model/time-format.ts';
import { Failure, SkeletonRows } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './log-view.module.css';
import { useLogFollow } from './use-log-follow.ts';

export interface LogAddress {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number;
  readonly tryNumber: number;
}

const LINE_PX = 20;
/** Nearer to the end than this is "at the end": following goes on. */
const END_SLACK_PX = 30;

/**
 * One try's log, live. Rows have one height, so any length scrolls evenly; wrapping measures them instead. Scrolling up
 * stops following, reaching the end (or the button) starts it again.
 */
export function LogView({ address }: { readonly address: LogAddress }) {
  const text = useText();
  const { logWrap } = usePreference();
  const log = useLogFollow(address);
  const [search, setSearch] = useState('');
  const [minLevel, setMinLevel] = useState<LogLevel>('debug');
  const [follows, setFollows] = useState(true);
  const wanted = useDeferredValue(search);
  const rows = useMemo(() => filterRows(log.rows, { minLevel, text: wanted }), [log.rows, minLevel, wanted]);

  return (
    <section className={style.view} aria-label={text.log.label} data-testid="log-view" data-log-state={log.state}>
      <div className={style.bar}>
        <TextInput className={style.search} aria-label={text.log.search} placeholder={text.log.search} value={search} onChange={(event) => setSearch(event.currentTarget.value)} leftSection={<IconSearch size={14} aria-hidden />} />
        <NativeSelect size="xs" aria-label={text.log.level} value={minLevel} data={[...LOG_LEVELS]} onChange={(event) => setMinLevel(event.currentTarget.value as LogLevel)} />
        <span className={`soft ${style.lines}`} data-testid="log-count">{text.log.lines(rows.length, log.rows.length)}</span>
        <LogEnd state={log.state} />
        <Toggle label={text.log.follow} pressed={follows} onToggle={() => setFollows(!follows)}><IconArrowBarToDown size={16} stroke={1.6} /></Toggle>
        <Toggle label={text.log.wrap} pressed={logWrap} onToggle={() => setPreference({ logWrap: !logWrap })}><IconTextWrap size={16} stroke={1.6} /></Toggle>
        <ActionIcon aria-label={text.log.download} title={text.log.download} onClick={() => void download(address)}><IconDownload size={16} stroke={1.6} /></ActionIcon>
      </div>
      {log.beginsLate && <p className={`soft ${style.note}`}>{text.log.beginsLate} <Anchor component="button" type="button" onClick={log.fromStart}>{text.log.fromStart}</Anchor></p>}
      {log.dropped > 0 && <p className={`soft ${style.note}`}>{text.log.dropped(log.dropped)}</p>}
      {log.refusedStatus !== null && log.refusedStatus !== 404 && <Failure failure={text.problem.refused(log.refusedStatus)} retry={log.retry} />}
      {log.rows.length === 0 ? (
        log.state === 'refused' ? <p className={`soft ${style.note}`}>{text.log.none}</p> : log.state === 'ended' ? <p className={`soft ${style.note}`}>{text.log.ended}</p>
          : log.state === 'open' ? <p className={`soft ${style.note}`}>{text.log.waiting}</p> : <SkeletonRows rows={6} height={LINE_PX} />
      ) : rows.length === 0 ? <p className={`soft ${style.note}`}>{text.log.noMatch}</p>
        // Measured heights belong to one way of laying out: another way starts with a list of its own.
        : <Lines key={String(logWrap)} rows={rows} wraps={logWrap} follows={follows} onFollows={setFollows} />}
    </section>
  );
}

function LogEnd({ state }: { readonly state: ReturnType<typeof useLogFollow>['state'] }) {
  const text = useText();
  if (state === 'refused') return null;
  const label = state === 'ended' ? text.log.ended : state === 'open' ? text.log.streaming : text.log.reconnecting;
  return <span className={style.end} data-state={state}><span className={style.dot} aria-hidden />{label}</span>;
}

function Toggle({ label, pressed, onToggle, children }: { readonly label: string; readonly pressed: boolean; readonly onToggle: () => void; readonly children: React.ReactNode }) {
  return <ActionIcon aria-label={label} title={label} aria-pressed={pressed} variant={pressed ? 'light' : 'subtle'} color={pressed ? 'accent' : 'gray'} onClick={onToggle}>{children}</ActionIcon>;
}

function Lines({ rows, wraps, follows, onFollows }: { readonly rows: readonly LogRow[]; readonly wraps: boolean; readonly follows: boolean; readonly onFollows: (follows: boolean) => void }) {
  const text = useText();
  const zone = useZone();
  const scroll = useRef<HTMLDivElement>(null);
  const lastTop = useRef(0);
  const lines = useVirtualizer({ count: rows.length, getScrollElement: () => scroll.current, estimateSize: () => LINE_PX, overscan: 30, getItemKey: (index) => rows[index]?.number ?? index });

  const heightPx = lines.getTotalSize();
  useEffect(() => {
    if (follows && scroll.current !== null) scroll.current.scrollTop = scroll.current.scrollHeight;
  }, [follows, heightPx]);

  const onScroll = (): void => {
    const box = scroll.current;
    if (box === null) return;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < END_SLACK_PX;
    // Only a move upwards is a person's: following itself moves down.
    if (!atEnd && box.scrollTop < lastTop.current) onFollows(false);
    else if (atEnd) onFollows(true);
    lastTop.current = box.scrollTop;
  };

  return (
    <div ref={scroll} className={style.scroll} tabIndex={0} role="log" aria-label={text.log.label} aria-live="off" onScroll={onScroll}>
      <div className={style.sheet} style={{ height: heightPx }}>
        {lines.getVirtualItems().map((line) => {
          const row = rows[line.index];
          return row === undefined ? null : (
            <div key={line.key} ref={wraps ? lines.measureElement : undefined} data-index={line.index} className={style.line} data-wraps={wraps} data-level={row.level} style={{ transform: `translateY(${line.start}px)` }}>
              <Line row={row} zone={zone} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

const Line = memo(function Line({ row, zone }: { readonly row: LogRow; readonly zone: string }) {
  return (
    <>
      <span className={style.number} aria-hidden>{row.number}</span>
      <span className={style.time} title={row.atMs === null ? undefined : fullInstant(row.atMs, zone)}>{row.atMs === null ? '' : clockInstant(row.atMs, zone)}</span>
      <span className={style.level}>{row.level === 'info' ? '' : row.level}</span>
      <span className={style.text} data-logger={row.logger}>{row.text.includes('\u001b') ? <Coloured text={row.text} /> : row.text}</span>
    </>
  );
});

function Coloured({ text }: { readonly text: string }) {
  return Anser.ansiToJson(text, { use_classes: true, remove_empty: true }).map((part, position) => (
    <span key={position} className={[part.fg, part.bg === null ? null : `bg-${part.bg}`, ...part.decorations].filter(Boolean).join(' ') || undefined}>{part.content}</span>
  ));
}

async function download(address: LogAddress): Promise<void> {
  const { dagId, runId, taskId, mapIndex, tryNumber } = address;
  const lines: unknown = await getLog({
    path: { dag_id: dagId, dag_run_id: runId, task_id: taskId, try_number: tryNumber }, query: { map_index: mapIndex, full_content: true },
    headers: { accept: 'application/x-ndjson' }, parseAs: 'text',
  });
  const url = URL.createObjectURL(new Blob([String(lines)], { type: 'application/x-ndjson' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `${[dagId, runId, taskId, mapIndex < 0 ? null : mapIndex, tryNumber].filter((part) => part !== null).join('.')}.log`;
  link.click();
  URL.revokeObjectURL(url);
}
