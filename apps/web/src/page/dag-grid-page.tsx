import { Button, NativeSelect } from '@mantine/core';
import { useQueries, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import type { CSSProperties } from 'react';
import { useMemo, useState } from 'react';
import { gridQuery, structureQuery } from '../api/query.ts';
import type { Grid, GridRun, Structure } from '../api/shape.ts';
import { GridPane } from '../grid/grid-pane.tsx';
import { sheetWidth } from '../grid/grid-size.ts';
import { TaskGrid } from '../grid/task-grid.tsx';
import type { GridRow, TaskIndex } from '../model/grid-layout.ts';
import { indexTasks, layoutRows } from '../model/grid-layout.ts';
import type { GridSearch } from '../model/search.ts';
import { DEFAULT_RUN_COUNT, RUN_COUNTS } from '../model/search.ts';
import type { TaskState } from '../model/task-state.ts';
import { stateOf, WORST_FIRST } from '../model/task-state.ts';
import { StateMark } from '../part/state-mark.tsx';
import { Empty, Reading } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './dag-grid-page.module.css';

const route = getRouteApi('/dags/$dagId/');

export function DagGridPage() {
  const text = useText();
  const { dagId } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const grid = useQuery(gridQuery(dagId, search.runs ?? DEFAULT_RUN_COUNT));
  const hashes = useMemo(() => structureHashes(grid.data), [grid.data]);
  const structures = useQueries({ queries: hashes.map((hash) => structureQuery(dagId, hash)), combine: (reads) => ({
    found: reads.flatMap((read) => (read.data === undefined ? [] : [read.data])),
    error: reads.find((read) => read.error !== null)?.error ?? null,
    refetch: () => Promise.all(reads.map((read) => read.refetch())),
  }) });
  const newest = structures.found.find((structure) => structure.hash === grid.data?.structure);
  const set = (change: GridSearch): void => void navigate({ search: (now) => ({ ...(now.runs === undefined ? {} : { runs: now.runs }), ...change }), replace: true });

  return (
    <Reading read={{ data: newest === undefined || grid.data === undefined ? undefined : { grid: grid.data, newest }, error: grid.error ?? structures.error, refetch: () => void Promise.all([grid.refetch(), structures.refetch()]) }} rows={16} rowHeight={20}>
      {({ grid: { runs }, newest: structure }) => (
        runs.length === 0 && structure.tasks.length === 0 ? <Empty title={text.grid.empty} how={text.grid.emptyHow} /> : (
          <Split dagId={dagId} runs={runs} structure={structure} structures={structures.found} search={search} onSearch={set} onRunCount={(count) => void navigate({ search: (now) => ({ ...now, runs: count }), replace: true })} />
        )
      )}
    </Reading>
  );
}

function structureHashes(grid: Grid | undefined): readonly string[] {
  return grid === undefined ? [] : [...new Set([grid.structure, ...grid.runs.map((run) => run.structure)])];
}

function Split({ dagId, runs, structure, structures, search, onSearch, onRunCount }: {
  readonly dagId: string;
  readonly runs: readonly GridRun[];
  readonly structure: Structure;
  readonly structures: readonly Structure[];
  readonly search: GridSearch;
  readonly onSearch: (change: GridSearch) => void;
  readonly onRunCount: (count: number) => void;
}) {
  const text = useText();
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => layoutRows(structure, folded), [structure, folded]);
  const oldestFirst = useMemo(() => runs.toReversed(), [runs]);
  const indexes = useMemo<ReadonlyMap<string, TaskIndex>>(() => new Map(structures.map((one) => [one.hash, indexTasks(one)])), [structures]);
  const allFolded = structure.groups.length > 0 && folded.size === structure.groups.length;

  const fold = (groupId: string): void => setFolded((now) => {
    const next = new Set(now);
    if (!next.delete(groupId)) next.add(groupId);
    return next;
  });
  const open = (row: GridRow | null, run: GridRun | null): void => onSearch({
    ...(run === null ? {} : { run: run.dag_run_id }),
    ...(row === null ? {} : row.kind === 'group' ? { group: row.id } : { task: row.id }),
  });

  return (
    <div className={style.split} style={{ '--grid-width': `${sheetWidth(runs.length)}px` } as CSSProperties}>
      <HatchPattern />
      <section className={style.grid} aria-label={text.grid.label}>
        <div className={style.bar}>
          <NativeSelect size="xs" aria-label={text.grid.runsShown} value={String(search.runs ?? DEFAULT_RUN_COUNT)} data={RUN_COUNTS.map((count) => ({ value: String(count), label: text.grid.runCount(count) }))} onChange={(event) => onRunCount(Number(event.currentTarget.value))} />
          {structure.groups.length > 0 && (
            <Button variant="subtle" color="gray" onClick={() => setFolded(allFolded ? new Set() : new Set(structure.groups.map((group) => group.group_id)))}>{allFolded ? text.grid.unfoldAll : text.grid.foldAll}</Button>
          )}
          <span className={`soft ${style.keys}`}>{text.grid.keys}</span>
        </div>
        <div className={style.sheet}>
          <TaskGrid rows={rows} runs={oldestFirst} indexes={indexes} selected={{ rowId: search.task ?? search.group, runId: search.run }} onOpen={open} onFold={fold} onClose={() => onSearch({})} />
        </div>
        <Legend runs={runs} />
      </section>
      <section className={style.pane} data-testid="grid-pane">
        <GridPane dagId={dagId} runs={runs} structure={structure} indexes={indexes} search={search} onSearch={onSearch} />
      </section>
    </div>
  );
}

function Legend({ runs }: { readonly runs: readonly GridRun[] }) {
  const text = useText();
  const present = useMemo(() => {
    const chars = new Set<string>();
    for (const run of runs) for (const char of run.states) chars.add(char);
    const states = new Set<TaskState | null>([...chars].map(stateOf));
    return WORST_FIRST.filter((state) => states.has(state)).toReversed();
  }, [runs]);
  return <div className={style.legend} role="list" aria-label={text.grid.legend}>{present.map((state) => <span key={state} role="listitem"><StateMark state={state} size={13} /></span>)}</div>;
}

/** The fill of `upstream_failed` cells, which all rows share. */
function HatchPattern() {
  return (
    <svg width="0" height="0" className="visually-hidden" aria-hidden>
      <pattern id="hatch" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect width="4" height="4" fill="var(--state-upstream_failed)" />
        <rect width="1.2" height="4" fill="var(--paper)" opacity="0.35" />
      </pattern>
    </svg>
  );
}
