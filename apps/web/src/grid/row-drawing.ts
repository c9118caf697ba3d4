import type { TaskState } from '../model/task-state.ts';
import { stateOf, WORST_FIRST } from '../model/task-state.ts';
import { COLUMN_PX } from './grid-size.ts';

/**
 * A row of cells as a handful of paths, one pair a state: five thousand cells cost the browser a few hundred elements.
 * Glyph, fill and outline differ from state to state, so colour never stands alone.
 */
interface StateDrawing {
  readonly state: TaskState;
  /** The 16×16 boxes of this state. */
  readonly boxes: string;
  readonly glyphs: string;
}

/** Of a glyph inside its box: where the pen begins, then relative moves only, so that it can stand in any column. */
const GLYPHS: Readonly<Record<TaskState, readonly [x: number, y: number, pen: string]>> = {
  none: [8, 8, ''],
  scheduled: [8, 8, ''],
  success: [4.5, 8.3, 'l2.5 2.4l4.5-5.2'],
  failed: [5, 5, 'l6 6m0-6l-6 6'],
  running: [8, 4.5, 'a3.5 3.5 0 1 1-3.3 4.7'],
  upstream_failed: [8, 11.8, 'v-5.3m-2.2 2.2l2.2-2.2l2.2 2.2m-5.2-4.4h6'],
  up_for_retry: [11.3, 6.7, 'a3.5 3.5 0 1 0 .2 2.1m0-4.3v2.4h-2.4'],
  up_for_reschedule: [11.5, 8, 'a3.5 3.5 0 1 1-7 0a3.5 3.5 0 0 1 7 0m-3.5-2v2l1.6 1'],
  deferred: [10.8, 9.3, 'a3.3 3.3 0 1 1-3.8-4.5a2.7 2.7 0 0 0 3.8 4.5'],
  awaiting_input: [6.3, 6.3, 'a1.8 1.8 0 1 1 2.2 1.9c-.4 .2-.5 .5-.5 .9m0 2.1v.1'],
  queued: [4.9, 8, 'h.1m3 0h.1m3 0h.1'],
  restarting: [4.7, 6.7, 'a3.5 3.5 0 1 1-.2 2.1m0-4.3v2.4h2.4'],
  skipped: [5, 5, 'v6l4-3zm6 0v6'],
  removed: [5, 8, 'h6'],
};

const INSET_PX = 2;
const BOX_PX = 16;

/** States that are an outline on paper rather than a filled box. */
export const OUTLINED: ReadonlySet<TaskState> = new Set(['none', 'scheduled', 'removed']);

/** `states` by column; `null` draws nothing there. */
export function drawCells(states: readonly (TaskState | null)[]): readonly StateDrawing[] {
  return WORST_FIRST.flatMap((state) => {
    let boxes = '';
    let glyphs = '';
    for (const [column, one] of states.entries()) {
      if (one !== state) continue;
      const x = column * COLUMN_PX + INSET_PX;
      // A stroke straddles its path: outlined boxes are drawn half a stroke smaller.
      boxes += OUTLINED.has(state) ? roundedBox(x + 0.75, INSET_PX + 0.75, BOX_PX - 1.5, 2.5) : roundedBox(x, INSET_PX, BOX_PX, 3);
      const [penX, penY, pen] = GLYPHS[state];
      if (pen !== '') glyphs += `M${round(x + penX)} ${INSET_PX + penY}${pen}`;
    }
    return boxes === '' ? [] : [{ state, boxes, glyphs }];
  });
}

const roundedBox = (x: number, y: number, side: number, radius: number): string => {
  const edge = side - 2 * radius;
  return `M${round(x + radius)} ${y}h${edge}a${radius} ${radius} 0 0 1 ${radius} ${radius}v${edge}a${radius} ${radius} 0 0 1-${radius} ${radius}h-${edge}a${radius} ${radius} 0 0 1-${radius}-${radius}v-${edge}a${radius} ${radius} 0 0 1 ${radius}-${radius}z`;
};

const round = (value: number): number => Math.round(value * 100) / 100;

export type StateCounts = Readonly<Partial<Record<TaskState, number>>>;

/** A share smaller than this could not be seen: one failure of a thousand mapped instances must be. */
const LEAST_SHARE_PX = 2;

/** A mapped task's cells whose instances differ: each split by state, worst first. */
export function drawSplits(counts: readonly (StateCounts | null)[]): readonly { readonly state: TaskState; readonly shares: string }[] {
  const shares = new Map<TaskState, string>();
  for (const [column, count] of counts.entries()) {
    if (count === null || !isSplit(count)) continue;
    const states = statesIn(count);
    const total = states.reduce((sum, state) => sum + (count[state] ?? 0), 0);
    const free = BOX_PX - LEAST_SHARE_PX * states.length;
    let x = column * COLUMN_PX + INSET_PX;
    for (const state of states) {
      const width = LEAST_SHARE_PX + (free * (count[state] ?? 0)) / total;
      shares.set(state, `${shares.get(state) ?? ''}M${round(x)} ${INSET_PX}h${round(width)}v${BOX_PX}h-${round(width)}z`);
      x += width;
    }
  }
  return WORST_FIRST.flatMap((state) => {
    const drawn = shares.get(state);
    return drawn === undefined ? [] : [{ state, shares: drawn }];
  });
}

const statesIn = (count: StateCounts): readonly TaskState[] => WORST_FIRST.filter((state) => (count[state] ?? 0) > 0);

const isSplit = (count: StateCounts): boolean => statesIn(count).length > 1;

/** The cells of a row that `drawCells` draws: those that `drawSplits` does not. */
export function wholeCells(chars: string, counts: readonly (StateCounts | null)[] | null): readonly (TaskState | null)[] {
  return [...chars].map((char, column) => {
    const count = counts?.[column] ?? null;
    return count !== null && isSplit(count) ? null : stateOf(char);
  });
}
