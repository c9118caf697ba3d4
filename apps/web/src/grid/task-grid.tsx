import { useVirtualizer } from '@tanstack/react-virtual';
import type { CSSProperties, KeyboardEvent, PointerEvent } from 'react';
import { memo, useEffect, useMemo, useRef, useState } from 'react';
import type { GridRun } from '../api/shape.ts';
import { useZone } from '../frame/zone.tsx';
import type { GridRow, TaskIndex } from '../model/grid-layout.ts';
import { rowState } from '../model/grid-layout.ts';
import { stateOf } from '../model/task-state.ts';
import { shortInstant } from '../model/time-format.ts';
import { useText } from '../text/text.ts';
import { COLUMN_PX, HEADER_PX, NAME_PX, ROW_PX, sheetWidth } from './grid-size.ts';
import type { HoverHandle } from './hover-layer.tsx';
import { HoverLayer } from './hover-layer.tsx';
import type { StateCounts } from './row-drawing.ts';
import { drawCells, drawSplits, OUTLINED, wholeCells } from './row-drawing.ts';
import { RunHeader } from './run-header.tsx';
import style from './task-grid.module.css';

/** A place in the grid. `row` -1 is the header: the run itself. `column` -1 is the name: the task over all runs. */
export interface GridPlace {
  readonly row: number;
  readonly column: number;
}

interface TaskGridProps {
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
  const columns = useVirtualizer({ horizontal: true, count: runs.length, getScrollElement: () => scroll.current, estimateSize: () => COLUMN_PX, overscan: 0, paddingStart: NAME_PX, scrollPaddingStart: NAME_PX });

  const newest = runs.at(-1)?.dag_run_id;
  useEffect(() => {
    // The newest run is what a person comes to see, on opening and when one has begun.
    scroll.current?.scrollTo({ left: scroll.current.scrollWidth });
  }, [newest, runs.length]);

  const drawn = columns.getVirtualItems();
  // Whole blocks of columns: rows draw again once a block, not at every column that a sideways scroll passes.
  const from = Math.floor((drawn[0]?.index ?? 0) / BLOCK) * BLOCK;
  const to = Math.min(runs.length, Math.ceil(((drawn.at(-1)?.index ?? -1) + 1) / BLOCK) * BLOCK);
  const visibleRuns = useMemo(() => runs.slice(from, to), [runs, from, to]);
  const selectedColumn = runs.findIndex((run) => run.dag_run_id === selected.runId);
  const width = sheetWidth(runs.length);
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
        // It was read before the click, and would stand on what the click shows.
        hover.current?.dismiss();
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
        {cursor !== null && <Cursor place={cursor} row={rows[cursor.row]} run={runs[cursor.column]} indexes={indexes} />}
        <HoverLayer ref={hover} rows={rows} runs={runs} indexes={indexes} height={height} width={width} />
      </div>
    </div>
  );
}

const BLOCK = 10;

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));

const cellId = (row: number, column: number): string => `cell-at-${row}-${column}`;

/** The one cell that is an element of its own: it is what the keyboard stands on and what is read aloud. */
function Cursor({ place, row, run, indexes }: { readonly place: GridPlace; readonly row: GridRow | undefined; readonly run: GridRun | undefined; readonly indexes: ReadonlyMap<string, TaskIndex> }) {
  const text = useText();
  const zone = useZone();
  if (run === undefined) return null;
  const state = row === undefined ? run.state : stateOf(rowState(row, run, indexes.get(run.structure)));
  const label = [row?.label, shortInstant(Date.parse(run.run_after), zone), state === null ? text.grid.absent : text.state[state]].filter(Boolean).join(', ');
  return (
    <div className={style.cursorRow} role="row" aria-rowindex={place.row + 2}>
      <div
        id={cellId(place.row, place.column)} role="gridcell" aria-colindex={place.column + 2} aria-label={label} className={style.cursor} data-testid="grid-cursor"
        style={{ left: NAME_PX + place.column * COLUMN_PX, top: place.row < 0 ? 0 : HEADER_PX + place.row * ROW_PX, height: place.row < 0 ? HEADER_PX : ROW_PX }}
      />
    </div>
  );
}

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
  const counts = splits === '' ? null : (JSON.parse(splits) as readonly (StateCounts | null)[]);
  const mappedNow = counts === null ? null : total(counts.findLast((count) => count !== null) ?? {});
  return (
    <div className={style.row} style={{ top }} role="row" aria-rowindex={index + 2} data-selected={selected} data-testid="grid-row" data-row={row.id} data-states={chars} data-first-column={from}>
      <div className={style.name} style={{ paddingLeft: 12 + row.depth * 14 }} role="rowheader" title={row.id}>
        {row.kind === 'group' ? (
          <button type="button" tabIndex={-1} className={style.fold} aria-expanded={!row.folded} aria-label={row.folded ? text.grid.unfold(row.label) : text.grid.fold(row.label)} onClick={() => onFold(row.id)}>
            <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden style={{ transform: row.folded ? 'rotate(-90deg)' : undefined }}><path d="M1.5 3 5 7 8.5 3" fill="none" stroke="currentColor" strokeWidth="1.5" /></svg>
          </button>
        ) : <span className={style.lead} />}
        <span className={row.kind === 'group' ? style.group : style.task}>{row.label}</span>
        {mappedNow !== null && mappedNow > 0 && <span className={style.count}>[{mappedNow}]</span>}
      </div>
      <svg className={style.cells} style={{ left: NAME_PX + from * COLUMN_PX }} width={chars.length * COLUMN_PX} height={ROW_PX} role="presentation">
        {drawCells(wholeCells(chars, counts)).map(({ state, boxes, glyphs }) => (
          <g key={state} className={style.state} data-state={state} style={{ '--state': `var(--state-${state})` } as CSSProperties}>
            <path className={OUTLINED.has(state) ? style.outline : style.box} d={boxes} />
            {glyphs !== '' && <path className={OUTLINED.has(state) ? style.glyphOnPaper : style.glyph} d={glyphs} />}
          </g>
        ))}
        {counts !== null && drawSplits(counts).map(({ state, shares }) => <path key={state} d={shares} fill={`var(--state-${state})`} stroke="var(--paper)" strokeWidth="0.5" />)}
      </svg>
    </div>
  );
});

const total = (counts: StateCounts): number => Object.values(counts).reduce((sum, count) => sum + count, 0);
