import type { RunState } from './task-state.ts';

/** What stands behind `?` in each address: read leniently, so that an old or hand-written link still opens. */
export interface DagListSearch {
  readonly q?: string;
  readonly paused?: boolean;
  readonly page?: number;
}

export interface GridSearch {
  /** How many runs are shown. */
  readonly runs?: number;
  readonly run?: string;
  readonly task?: string;
  readonly group?: string;
  readonly map?: number;
  readonly try?: number;
  readonly tab?: string;
}

export interface RunListSearch {
  readonly state?: RunState;
  readonly page?: number;
}

interface RunSearch {
  readonly tab?: string;
}

interface TaskInstanceSearch {
  readonly map?: number;
  readonly try?: number;
  readonly tab?: string;
}

export const RUN_COUNTS = [10, 25, 50, 100] as const;
export const DEFAULT_RUN_COUNT = 25;

type Raw = Readonly<Record<string, unknown>>;

export const dagListSearch = (raw: Raw): DagListSearch => ({ ...text(raw, 'q'), ...flag(raw, 'paused'), ...count(raw, 'page', 1) });

export const gridSearch = (raw: Raw): GridSearch => ({
  ...(RUN_COUNTS.some((known) => known === Number(raw['runs'])) ? { runs: Number(raw['runs']) } : {}),
  ...text(raw, 'run'), ...text(raw, 'task'), ...text(raw, 'group'), ...count(raw, 'map', 0), ...count(raw, 'try', 1), ...text(raw, 'tab'),
});

const RUN_STATES: readonly RunState[] = ['queued', 'running', 'success', 'failed'];

export const runListSearch = (raw: Raw): RunListSearch => {
  const state = RUN_STATES.find((known) => known === raw['state']);
  return { ...(state === undefined ? {} : { state }), ...count(raw, 'page', 1) };
};

export const runSearch = (raw: Raw): RunSearch => text(raw, 'tab');

export const taskInstanceSearch = (raw: Raw): TaskInstanceSearch => ({ ...count(raw, 'map', 0), ...count(raw, 'try', 1), ...text(raw, 'tab') });

/** The router reads `?q=42` as a number; a name may be one. */
function text<K extends string>(raw: Raw, name: K): { readonly [N in K]?: string } {
  const value = raw[name];
  const known = (typeof value === 'string' && value !== '') || typeof value === 'number';
  return (known ? { [name]: String(value) } : {}) as { readonly [N in K]?: string };
}

function flag<K extends string>(raw: Raw, name: K): { readonly [N in K]?: boolean } {
  const value = raw[name];
  return (typeof value === 'boolean' ? { [name]: value } : {}) as { readonly [N in K]?: boolean };
}

function count<K extends string>(raw: Raw, name: K, least: number): { readonly [N in K]?: number } {
  const value = Number(raw[name]);
  return (Number.isInteger(value) && raw[name] !== '' && raw[name] !== null && value >= least ? { [name]: value } : {}) as { readonly [N in K]?: number };
}
