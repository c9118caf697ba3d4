import { useEffect, useState } from 'react';
import { useZone } from '../frame/zone.tsx';
import { duration, fullInstant, relativeInstant, shortInstant } from '../model/time-format.ts';
import { isTerminal } from '../model/task-state.ts';
import { useText } from '../text/text.ts';

/** An instant as `MM-DD HH:mm`, the whole of it with its zone on hover; with `relative`, how long ago beside it. */
export function Instant({ at, relative = false }: { readonly at: string | null | undefined; readonly relative?: boolean }) {
  const zone = useZone();
  const text = useText();
  if (at == null) return <span className="soft">{text.word.never}</span>;
  const atMs = Date.parse(at);
  return (
    <time dateTime={at} title={fullInstant(atMs, zone)} className="nowrap">
      {shortInstant(atMs, zone)}
      {relative && <> <Ago atMs={atMs} /></>}
    </time>
  );
}

function Ago({ atMs }: { readonly atMs: number }) {
  const text = useText();
  const nowMs = useNow(true);
  return <span className="soft">{relativeInstant(atMs, nowMs, text.locale)}</span>;
}

interface Span {
  readonly start_date: string | null;
  readonly end_date: string | null;
  readonly state: string | null;
}

/** How long it took, or how long it has been going on. */
export function Duration({ span }: { readonly span: Span }) {
  const text = useText();
  const runs = span.start_date !== null && span.end_date === null && !isTerminal(span.state as Parameters<typeof isTerminal>[0]);
  const nowMs = useNow(runs);
  const spanMs = spanOf(span, nowMs);
  return spanMs === null ? <span className="soft">{text.word.never}</span> : <span className="nowrap">{duration(spanMs)}</span>;
}

export function spanOf(span: Pick<Span, 'start_date' | 'end_date'>, nowMs: number): number | null {
  if (span.start_date === null) return null;
  return (span.end_date === null ? nowMs : Date.parse(span.end_date)) - Date.parse(span.start_date);
}

/** The browser's clock, told again every second while `ticks`. */
export function useNow(ticks: boolean): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    if (!ticks) return undefined;
    setNowMs(Date.now());
    const timer = setInterval(() => setNowMs(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [ticks]);
  return nowMs;
}
