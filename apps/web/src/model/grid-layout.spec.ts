import { describe, expect, it } from 'vitest';
import type { GridStructure, GridTask } from './grid-layout.ts';
import { barScale, dateColumns, indexTasks, layoutRows, rowState } from './grid-layout.ts';

const task = (task_id: string, group_id: string | null = null): GridTask => ({
  task_id, task_display_name: task_id, group_id, operator: 'function', is_mapped: false, upstream: [], trigger_rule: 'all_success', retries: 0,
});

const structure: GridStructure = {
  hash: 'h1',
  tasks: [task('extract'), task('clean.trim', 'clean'), task('report'), task('clean.deep.join', 'clean.deep'), task('orphan', 'unknown')],
  groups: [
    { group_id: 'clean.deep', parent_id: 'clean', label: 'deep', is_mapped: false },
    { group_id: 'clean', parent_id: null, label: 'clean', is_mapped: false },
  ],
};

describe('layoutRows', () => {
  it('puts a group where its first task stands and nests its groups', () => {
    expect(layoutRows(structure, new Set()).map((row) => [row.kind, row.id, row.depth])).toEqual([
      ['task', 'extract', 0],
      ['group', 'clean', 0],
      ['task', 'clean.trim', 1],
      ['group', 'clean.deep', 1],
      ['task', 'clean.deep.join', 2],
      ['task', 'report', 0],
      ['task', 'orphan', 0],
    ]);
  });

  it('leaves the name of the group off its tasks, unless the author named the task', () => {
    const labels = (tasks: GridTask[]) => layoutRows({ ...structure, tasks }, new Set()).filter((row) => row.kind === 'task').map((row) => row.label);
    expect(labels([task('clean.trim', 'clean'), task('clean.deep.join', 'clean.deep'), task('clean.solo')])).toEqual(['trim', 'join', 'clean.solo']);
    expect(labels([{ ...task('clean.trim', 'clean'), task_display_name: 'Trim rows' }])).toEqual(['Trim rows']);
  });

  it('folds a group to one row that still knows all its tasks', () => {
    const rows = layoutRows(structure, new Set(['clean']));
    expect(rows.map((row) => row.id)).toEqual(['extract', 'clean', 'report', 'orphan']);
    expect(rows[1]).toEqual({ kind: 'group', id: 'clean', label: 'clean', depth: 0, folded: true, taskIds: ['clean.trim', 'clean.deep.join'] });
  });
});

describe('rowState', () => {
  const rows = layoutRows(structure, new Set(['clean']));
  const [extract, clean] = rows;
  const index = indexTasks(structure);

  it('reads a task by its id in the structure that the run keeps', () => {
    const older = indexTasks({ hash: 'h0', tasks: [task('report'), task('extract')], groups: [] });
    expect(rowState(extract!, { structure: 'h0', states: 'FS' }, older)).toBe('S');
  });

  it('gives a group its worst task', () => {
    expect(rowState(clean!, { structure: 'h1', states: 'SSSrS' }, index)).toBe('r');
  });

  it('is absent for a task that the run never had, and while the structure is not known', () => {
    expect(rowState(clean!, { structure: 'h0', states: 'FS' }, indexTasks({ hash: 'h0', tasks: [task('extract')], groups: [] }))).toBe(' ');
    expect(rowState(extract!, { structure: 'h9', states: 'S' }, undefined)).toBe(' ');
  });
});

describe('barScale', () => {
  it.each([[[], 100], [[99], 100], [[1_200, 800], 2_000], [[3_000_000], 3_600_000], [[9e9], 9e9]])('of %j tops at %d ms', (durations, maxMs) => {
    expect(barScale(durations)).toEqual({ maxMs, ticksMs: [maxMs / 2, maxMs] });
  });
});

describe('dateColumns', () => {
  it('labels the first run of a day and leaves room for the label', () => {
    expect(dateColumns(['a', 'a', 'b', 'c', 'c', 'd'], 3)).toEqual([0, 3]);
    expect(dateColumns(['a', 'b', 'b', 'c'], 1)).toEqual([0, 1, 3]);
  });
});
