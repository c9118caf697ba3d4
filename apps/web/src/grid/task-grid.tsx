import { useVirtualizer } from '@tanstack/react-virtual';
import type { KeyboardEvent, PointerEvent } from 'react';
import { memo, useEffect, useMemo, useRef, useState } from 'react';
import type { GridRun } from '../api/shape.ts';
import type { GridRow, TaskIndex } from '../model/grid-layout.ts';
import { rowState } from '../model/grid-layout.ts';
import type { TaskState } from '../model/task-state.ts';
import { charOf, stateOf, WORST_FIRST } from '../model/task-state.ts';
import { useText } from '../text/text.ts';
import { symbolId } from './cell-symbol.tsx';
import { COLUMN_PX, HEADER_PX, NAME_PX, ROW_PX } from './grid-size.ts';
import type { HoverHandle } from './hover-layer.tsx';
import { HoverLayer } from './hover-layer.tsx';
import { RunHeader } from './run-header.tsx';
import style from './task-grid.module.css';

/** A place in the grid. `row` -1 is the header: the run itself. `column` -1 is the name: the task over all runs. */
export interface GridPlace {
  readonly row: number;
  readonly column: number;
}

export interface TaskGridProps {
  readonly rows: readonly GridRow[];
  /** Oldest first: the newest stands right. */
  readonly runs: readonly GridRun[];
  readonly indexes: ReadonlyMap<string, TaskIndex>;
  readonly selected: { readonly rowId: string | undefined; readonly runId: string | undefined };
  readonly onOpen: (row: GridRow | null, run: GridRun | null) => void;
  readonly onFold: (groupId: string) => void;
  readonly onClose: () => void;
}

/**
 * Runs × tasks, windowed both ways. A row is one drawing that changes only when its packed states do; hovering moves
 * one pair of hairlines and one label, and touches no cell. The cursor (arrow keys) is apart from the selection, which
 * stands in the address.
 */
export function TaskGrid({ rows, runs, indexes, selected, onOpen, onFold, onClose }: TaskGridProps) {
  const text = useText();
  const scroll = useRef<HTMLDivElement>(null);
  const hover = useRef<HoverHandle>(null);
  const [cursor, setCursor] = useState<GridPlace | null>(null);

  const lines = useVirtualizer({ count: rows.length, getScrollElement: () => scroll.current, estimateSize: () => ROW_PX, overscan: 12, paddingStart: HEADER_PX, scrollPaddingStart: HEADER_PX });
  const columns = useVirtualizer({ horizontal: true, count: runs.length, getScrollElement: () => scroll.current, estimateSize: () => COLUMN_PX, overscan: 8, paddingStart: NAME_PX, scrollPaddingStart: NAME_PX });

  const newest = runs.at(-1)?.dag_run_id;
  useEffect(() => {
    // The newest run is what a person comes to see, on opening and when one has begun.
    scroll.current?.scrollTo({ left: scroll.current.scrollWidth });
  }, [newest, runs.length]);

  const drawn = columns.getVirtualItems();
  const from = drawn[0]?.index ?? 0;
  const to = (drawn.at(-1)?.index ?? -1) + 1;
  const visibleRuns = useMemo(() => runs.slice(from, to), [runs, from, to]);
  const selectedColumn = runs.findIndex((run) => run.dag_run_id === selected.runId);
  const width = NAME_PX + runs.length * COLUMN_PX + 12;
  const height = HEADER_PX + rows.length * ROW_PX;

  const placeOf = (event: PointerEvent | React.MouseEvent): GridPlace => {
    const box = scroll.current?.getBoundingClientRect();
    if (box === undefined || scroll.current === null) return { row: -1, column: -1 };
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    return {
      row: y < HEADER_PX ? -1 : Math.floor((y - HEADER_PX + scroll.current.scrollTop) / ROW_PX),
      column: x < NAME_PX ? -1 : Math.floor((x - NAME_PX + scroll.current.scrollLeft) / COLUMN_PX),
    };
  };

  const open = (place: GridPlace): void => {
    const row = rows[place.row] ?? null;
    const run = runs[place.column] ?? null;
    if (row !== null || run !== null) onOpen(row, run);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const now = cursor ?? { row: 0, column: runs.length - 1 };
    const move = (row: number, column: number): void => {
      event.preventDefault();
      const next = { row: clamp(row, -1, rows.length - 1), column: clamp(column, 0, runs.length - 1) };
      setCursor(next);
      if (next.row >= 0) lines.scrollToIndex(next.row);
      columns.scrollToIndex(next.column);
    };
    const row = rows[now.row];
    switch (event.key) {
      case 'ArrowUp': return move(now.row - 1, now.column);
      case 'ArrowDown': return move(cursor === null ? 0 : now.row + 1, now.column);
      case 'ArrowLeft': return move(now.row, now.column - 1);
      case 'ArrowRight': return move(now.row, now.column + 1);
      case 'Home': return move(now.row, 0);
      case 'End': return move(now.row, runs.length - 1);
      case 'PageUp': return move(Math.max(0, now.row - 20), now.column);
      case 'PageDown': return move(now.row + 20, now.column);
      case 'Enter':
        event.preventDefault();
        return open(now);
      case ' ':
        event.preventDefault();
        if (row?.kind === 'group') onFold(row.id);
        return undefined;
      case 'Escape':
        setCursor(null);
        return onClose();
      default:
        return undefined;
    }
  };

  return (
    <div
      ref={scroll} className={style.scroll} role="grid" tabIndex={0} aria-label={text.grid.label} aria-rowcount={rows.length + 1} aria-colcount={runs.length + 1}
      aria-activedescendant={cursor === null ? undefined : cellId(cursor.row, cursor.column)} data-testid="grid" onKeyDown={onKeyDown}
      onPointerMove={(event) => hover.current?.show(placeOf(event))} onPointerLeave={() => hover.current?.hide()}
      onClick={(event) => {
        if (event.target instanceof Element && event.target.closest('button') !== null) return;
        const place = placeOf(event);
        if (place.column >= 0) setCursor(place);
        open(place);
      }}
    >
      <div className={style.sheet} style={{ width, height }} role="presentation">
        <RunHeader runs={runs} from={from} to={to} selectedColumn={selectedColumn} />
        {selectedColumn >= 0 && <div className={style.selectedColumn} style={{ left: NAME_PX + selectedColumn * COLUMN_PX, height: height - HEADER_PX }} />}
        {lines.getVirtualItems().map((line) => {
          const row = rows[line.index];
          if (row === undefined) return null;
          return (
            <Row
              key={row.id} row={row} index={line.index} top={line.start} from={from} onFold={onFold} selected={selected.rowId === row.id}
              chars={visibleRuns.map((run) => rowState(row, run, indexes.get(run.structure))).join('')}
              splits={row.kind === 'task' && row.task.is_mapped ? JSON.stringify(visibleRuns.map((run) => run.mapped[row.id] ?? null)) : ''}
            />
          );
        })}
        {cursor !== null && <div className={style.cursor} style={{ left: NAME_PX + cursor.column * COLUMN_PX, top: cursor.row < 0 ? 0 : HEADER_PX + cursor.row * ROW_PX, height: cursor.row < 0 ? HEADER_PX : ROW_PX }} />}
        <HoverLayer ref={hover} rows={rows} runs={runs} indexes={indexes} height={height} width={width} />
      </div>
    </div>
  );
}

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));

export const cellId = (row: number, column: number): string => `cell-at-${row}-${column}`;

interface RowProps {
  readonly row: GridRow;
  readonly index: number;
  readonly top: number;
  readonly from: number;
  readonly selected: boolean;
  readonly chars: string;
  /** Counts of a mapped task in the visible runs, as text so that an unchanged row compares equal. */
  readonly splits: string;
  readonly onFold: (groupId: string) => void;
}

const Row = memo(function Row({ row, index, top, from, selected, chars, splits, onFold }: RowProps) {
  const text = useText();
  const counts = splits === '' ? null : (JSON.parse(splits) as readonly (Partial<Record<TaskState, number>> | null)[]);
  const width = chars.length * COLUMN_PX;
  const mappedNow = counts === null ? null : total(counts.findLast((count) => count !== null) ?? {});
  return (
    <div className={style.row} style={{ top }} role="row" aria-rowindex={index + 2} data-selected={selected} data-testid="grid-row" data-row={row.id}>
      <div className={style.name} style={{ paddingLeft: 12 + row.depth * 14 }} role="rowheader" title={row.id}>
        {row.kind === 'group' ? (
          <button type="button" tabIndex={-1} className={style.fold} aria-expanded={!row.folded} aria-label={row.folded ? text.grid.unfold(row.label) : text.grid.fold(row.label)} onClick={() => onFold(row.id)}>
            <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden style={{ transform: row.folded ? 'rotate(-90deg)' : undefined }}><path d="M1.5 3 5 7 8.5 3" fill="none" stroke="currentColor" strokeWidth="1.5" /></svg>
          </button>
        ) : <span className={style.lead} />}
        <span className={row.kind === 'group' ? style.group : style.task}>{row.label}</span>
        {mappedNow !== null && mappedNow > 0 && <span className={style.count}>[{mappedNow}]</span>}
      </div>
      <svg className={style.cells} style={{ left: NAME_PX + from * COLUMN_PX }} width={width} height={ROW_PX} role="presentation">
        {[...chars].map((char, position) => {
          const state = stateOf(char);
          if (state === null) return null;
          const split = counts?.[position] ?? null;
          const cell = { id: cellId(index, from + position), role: 'gridcell', 'aria-colindex': from + position + 2, 'aria-label': text.state[state], 'data-testid': 'cell', 'data-state': state, 'data-column': from + position };
          return split === null || total(split) < 2
            ? <use key={position} {...cell} href={`#${symbolId(char)}`} x={position * COLUMN_PX + 2} y={2} width={16} height={16} />
            : <SplitCell key={position} cell={cell} x={position * COLUMN_PX + 2} split={split} />;
        })}
      </svg>
    </div>
  );
});

const total = (counts: Partial<Record<TaskState, number>>): number => Object.values(counts).reduce((sum, count) => sum + count, 0);

/** A mapped task: its instances by state, worst first, each at least two pixels so that one failure of a thousand shows. */
function SplitCell({ cell, x, split }: { readonly cell: Readonly<Record<string, string | number>>; readonly x: number; readonly split: Partial<Record<TaskState, number>> }) {
  const states = WORST_FIRST.filter((state) => (split[state] ?? 0) > 0);
  const only = states.length === 1 ? states[0] : undefined;
  if (only !== undefined) {
    return <g {...cell}><use href={`#${symbolId(charOf(only))}`} x={x} y={2} width={16} height={16} /><path d={`M${x + 1} 20.5h14`} stroke={`var(--state-${only})`} strokeWidth="1" transform="translate(0 -1)" /></g>;
  }
  const free = 16 - 2 * states.length;
  const all = total(split);
  let at = x;
  return (
    <g {...cell}>
      {states.map((state) => {
        const width = 2 + (free * (split[state] ?? 0)) / all;
        const left = at;
        at += width;
        return <rect key={state} x={left} y={2} width={width} height={16} fill={`var(--state-${state})`} stroke="var(--paper)" strokeWidth="0.5" />;
      })}
    </g>
  );
}
