import { useMemo } from 'react';
import type { GridRun } from '../api/shape.ts';
import { useZone } from '../frame/zone.tsx';
import { barScale, dateColumns } from '../model/grid-layout.ts';
import { dayOf, duration, shortInstant } from '../model/time-format.ts';
import { spanOf, useNow } from '../part/instant.tsx';
import { useText } from '../text/text.ts';
import { BAR_PX, COLUMN_PX, DATE_PX, HEADER_PX, NAME_PX } from './grid-size.ts';
import style from './run-header.module.css';

const TYPE_MARKS: Readonly<Record<string, string>> = { manual: '▸', backfill: '«', asset_triggered: '◆' };

/** The runs above their columns: dates, duration bars against a scale, and a mark for those that no schedule made. */
export function RunHeader({ runs, from, to, selectedColumn }: { readonly runs: readonly GridRun[]; readonly from: number; readonly to: number; readonly selectedColumn: number }) {
  const text = useText();
  const zone = useZone();
  const nowMs = useNow(runs.some((run) => run.state === 'running'));
  const spans = runs.map((run) => spanOf(run, nowMs) ?? 0);
  const scale = barScale(spans);
  const dated = useMemo(() => new Set(dateColumns(runs.map((run) => dayOf(Date.parse(run.run_after), zone)), 2)), [runs, zone]);
  return (
    <div className={style.header} style={{ height: HEADER_PX }} role="row" aria-rowindex={1}>
      <div className={style.corner} style={{ width: NAME_PX }} role="columnheader">
        <span className="visually-hidden">{text.task.id}</span>
        {scale.ticksMs.map((tickMs) => <span key={tickMs} className={style.tick} style={{ top: DATE_PX + BAR_PX * (1 - tickMs / scale.maxMs) }} aria-hidden>{duration(tickMs)}</span>)}
      </div>
      {scale.ticksMs.map((tickMs) => <div key={tickMs} className={style.line} style={{ top: DATE_PX + BAR_PX * (1 - tickMs / scale.maxMs), width: runs.length * COLUMN_PX, left: NAME_PX }} />)}
      {runs.slice(from, to).map((run, position) => {
        const column = from + position;
        const spanMs = spans[column] ?? 0;
        const left = NAME_PX + column * COLUMN_PX;
        return (
          <div
            key={run.dag_run_id} id={`cell-at--1-${column}`} role="columnheader" aria-colindex={column + 2} className={style.run} style={{ left, width: COLUMN_PX, height: HEADER_PX }}
            aria-label={`${shortInstant(Date.parse(run.run_after), zone)}, ${text.state[run.state]}, ${duration(spanMs)}`} data-selected={column === selectedColumn}
            data-testid="run-bar" data-run={run.dag_run_id} data-state={run.state}
          >
            {dated.has(column) && <span className={style.date}>{dayOf(Date.parse(run.run_after), zone).slice(5)}</span>}
            <span className={style.bar} data-state={run.state} style={{ top: DATE_PX + BAR_PX - Math.max(3, (spanMs / scale.maxMs) * BAR_PX), height: Math.max(3, (spanMs / scale.maxMs) * BAR_PX), background: `var(--state-${run.state})` }} />
            <span className={style.mark} title={text.runType(run.run_type)}>{TYPE_MARKS[run.run_type] ?? ''}</span>
          </div>
        );
      })}
    </div>
  );
}
