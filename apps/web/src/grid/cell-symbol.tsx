import type { TaskState } from '../model/task-state.ts';
import { charOf } from '../model/task-state.ts';

/** Each state's cell, drawn once; the grid places copies by name. Glyph, fill and outline differ, so colour is never alone. */
const GLYPHS: Readonly<Record<TaskState, string>> = {
  none: '',
  success: 'M4.5 8.3 7 10.7 11.5 5.5',
  failed: 'M5 5l6 6M11 5l-6 6',
  running: 'M8 4.5A3.5 3.5 0 1 1 4.7 9.2',
  upstream_failed: 'M8 11.5V7M5.8 9 8 6.8 10.2 9M5 4.5h6',
  up_for_retry: 'M11.3 6.700A3.5 3.5 0 1 0 11.5 8.800M11.5 4.5v2.400H9.1',
  up_for_reschedule: 'M8 5.5V8l2 1.5M11.5 8a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0',
  deferred: 'M10.8 9.300A3.3 3.3 0 1 1 7 4.800a2.7 2.7 0 0 0 3.8 4.5z',
  awaiting_input: 'M6.3 6.300A1.8 1.8 0 1 1 8.5 8.200c-.4.2-.5.5-.5.9M8 11.200v.1',
  queued: 'M5 8h.1M8 8h.1M11 8h.1',
  scheduled: '',
  restarting: 'M4.7 6.700A3.5 3.5 0 1 1 4.5 8.800M4.5 4.5v2.400h2.4',
  skipped: 'M5 5v6l4-3zM11 5v6',
  removed: 'M5 8h6',
};

const OUTLINED: ReadonlySet<TaskState> = new Set(['none', 'scheduled', 'removed']);

export const symbolId = (char: string): string => `cell-${char === '-' ? 'none' : char}`;

export function CellSymbols() {
  return (
    <svg width="0" height="0" className="visually-hidden" aria-hidden>
      <defs>
        <pattern id="hatch" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect width="4" height="4" fill="var(--state-upstream_failed)" />
          <rect width="1.2" height="4" fill="var(--paper)" opacity="0.35" />
        </pattern>
        {(Object.keys(GLYPHS) as TaskState[]).map((state) => <CellSymbol key={state} state={state} />)}
      </defs>
    </svg>
  );
}

function CellSymbol({ state }: { readonly state: TaskState }) {
  const colour = `var(--state-${state})`;
  const outlined = OUTLINED.has(state);
  return (
    <symbol id={symbolId(charOf(state))} viewBox="0 0 16 16" width="16" height="16">
      {outlined
        ? <rect x="0.75" y="0.75" width="14.5" height="14.5" rx="2.5" fill="var(--paper)" stroke={colour} strokeWidth={state === 'none' ? 1 : 1.5} strokeDasharray={state === 'scheduled' ? '3 2' : undefined} />
        : <rect width="16" height="16" rx="3" fill={state === 'upstream_failed' ? 'url(#hatch)' : colour} opacity={state === 'skipped' ? 0.75 : 1} />}
      <path
        d={GLYPHS[state]} fill="none" stroke={outlined ? colour : 'var(--cell-ink)'} strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round"
        style={state === 'running' ? { animation: 'turn 1.6s linear infinite', transformOrigin: '8px 8px' } : undefined}
      />
    </symbol>
  );
}
