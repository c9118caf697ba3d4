import type { Ref } from 'react';
import { useImperativeHandle, useRef, useState } from 'react';
import type { GridRun } from '../api/shape.ts';
import { useZone } from '../frame/zone.tsx';
import type { GridRow, TaskIndex } from '../model/grid-layout.ts';
import { rowState } from '../model/grid-layout.ts';
import type { TaskState } from '../model/task-state.ts';
import { stateOf, WORST_FIRST } from '../model/task-state.ts';
import { duration, shortInstant } from '../model/time-format.ts';
import { spanOf } from '../part/instant.tsx';
import { StateMark } from '../part/state-mark.tsx';
import { useText } from '../text/text.ts';
import { COLUMN_PX, HEADER_PX, NAME_PX, ROW_PX } from './grid-size.ts';
import style from './hover-layer.module.css';
import type { GridPlace } from './task-grid.tsx';

export interface HoverHandle {
  show(place: GridPlace): void;
  hide(): void;
  /** Not shown again until the pointer enters another cell. */
  dismiss(): void;
}

interface Props {
  readonly ref: Ref<HoverHandle>;
  readonly rows: readonly GridRow[];
  readonly runs: readonly GridRun[];
  readonly indexes: ReadonlyMap<string, TaskIndex>;
  readonly width: number;
  readonly height: number;
}

/** The pointer's hairlines and the one label of the whole grid: it renders again only when the pointer enters another cell. */
export function HoverLayer({ ref, rows, runs, indexes, width, height }: Props) {
  const [place, setPlace] = useState<GridPlace | null>(null);
  const last = useRef<GridPlace | null>(null);
  useImperativeHandle(ref, () => ({
    show(next) {
      if (last.current?.row === next.row && last.current.column === next.column) return;
      last.current = next;
      setPlace(next);
    },
    dismiss() {
      setPlace(null);
    },
    hide() {
      last.current = null;
      setPlace(null);
    },
  }), []);
  if (place === null) return null;
  const row = rows[place.row];
  const run = runs[place.column];
  const top = HEADER_PX + place.row * ROW_PX;
  const left = NAME_PX + place.column * COLUMN_PX;
  return (
    <>
      {row !== undefined && <div className={style.row} style={{ top, width }} />}
      {run !== undefined && <div className={style.column} style={{ left, height }} />}
      {run !== undefined && <HoverLabel run={run} row={row} index={indexes.get(run.structure)} top={place.row < 0 ? HEADER_PX : top + ROW_PX} left={left} flip={place.column > runs.length / 2 && place.column > 10} />}
    </>
  );
}

function HoverLabel({ run, row, index, top, left, flip }: { readonly run: GridRun; readonly row: GridRow | undefined; readonly index: TaskIndex | undefined; readonly top: number; readonly left: number; readonly flip: boolean }) {
  const text = useText();
  const zone = useZone();
  const state = row === undefined ? run.state : stateOf(rowState(row, run, index));
  const spanMs = row === undefined ? spanOf(run, Date.now()) : null;
  const counts: Partial<Record<TaskState, number>> = row === undefined ? {} : (run.mapped[row.id] ?? {});
  return (
    <div className={style.label} style={{ top: top + 4, left: flip ? left + COLUMN_PX : left, transform: flip ? 'translateX(-100%)' : undefined }} data-testid="hover-label">
      {row !== undefined && <strong>{row.label}</strong>}
      <span>{shortInstant(Date.parse(run.run_after), zone)} · {text.runType(run.run_type)}</span>
      <span>{state === null ? text.grid.absent : <StateMark state={state} />}{spanMs !== null && ` · ${duration(spanMs)}`}</span>
      {WORST_FIRST.filter((one) => (counts[one] ?? 0) > 0).map((one) => <span key={one} className="soft">{counts[one]} × {text.state[one]}</span>)}
    </div>
  );
}
