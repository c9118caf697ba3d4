import { ActionIcon } from '@mantine/core';
import IconArrowsMaximize from '@tabler/icons-react/icons/IconArrowsMaximize';
import IconX from '@tabler/icons-react/icons/IconX';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { dagQuery } from '../api/query.ts';
import type { GridRun, Structure } from '../api/shape.ts';
import { DagFacts } from '../detail/dag-facts.tsx';
import { RunView } from '../detail/run-view.tsx';
import { TaskInstanceView } from '../detail/task-instance-view.tsx';
import { TaskList } from '../detail/task-list.tsx';
import type { TaskIndex } from '../model/grid-layout.ts';
import type { GridSearch } from '../model/search.ts';
import { stateOf } from '../model/task-state.ts';
import { Facts } from '../part/facts.tsx';
import { Duration, Instant } from '../part/instant.tsx';
import { StateMark } from '../part/state-mark.tsx';
import { Reading } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './grid-pane.module.css';

interface Props {
  readonly dagId: string;
  readonly runs: readonly GridRun[];
  readonly structure: Structure;
  readonly indexes: ReadonlyMap<string, TaskIndex>;
  readonly search: GridSearch;
  readonly onSearch: (change: GridSearch) => void;
}

/** What is selected in the grid, beside it: the DAG, a run, a task over its runs, a group, or one instance. */
export function GridPane(props: Props) {
  const { dagId, structure, search, onSearch } = props;
  const navigate = useNavigate();
  const { run, task, group, map } = search;
  if (run === undefined && task === undefined) return <DagOverview dagId={dagId} />;
  if (run === undefined) return <TaskOverRuns {...props} taskId={task ?? ''} />;
  const tabs = { tab: search.tab, onTab: (tab: string) => onSearch({ ...search, tab }) };

  if (group !== undefined) {
    const inside = groupsInside(structure, group);
    return (
      <Titled title={group} onClose={() => onSearch({})}>
        <TaskList dagId={dagId} runId={run} taskIds={structure.tasks.filter((one) => one.group_id !== null && inside.has(one.group_id)).map((one) => one.task_id)} onTask={(taskId, mapIndex) => onSearch({ run, task: taskId, ...mapOf(mapIndex) })} />
      </Titled>
    );
  }
  if (task === undefined) {
    return (
      <RunView
        dagId={dagId} runId={run} {...tabs} onTask={(taskId, mapIndex) => onSearch({ run, task: taskId, ...mapOf(mapIndex) })}
        end={<PaneButtons onOpen={() => void navigate({ to: '/dags/$dagId/runs/$runId', params: { dagId, runId: run } })} onClose={() => onSearch({})} />}
      />
    );
  }
  const isMapped = structure.tasks.find((one) => one.task_id === task)?.is_mapped ?? false;
  const expanded = Object.keys(props.runs.find((one) => one.dag_run_id === run)?.mapped[task] ?? {}).length > 0;
  if (isMapped && expanded && map === undefined) {
    return <Titled title={task} onClose={() => onSearch({})}><TaskList dagId={dagId} runId={run} taskId={task} onTask={(taskId, mapIndex) => onSearch({ run, task: taskId, ...mapOf(mapIndex) })} /></Titled>;
  }
  return (
    <TaskInstanceView
      dagId={dagId} runId={run} taskId={task} mapIndex={map ?? -1} tryNumber={search.try} {...tabs} onTry={(tryNumber) => onSearch({ ...search, tab: 'logs', try: tryNumber })}
      end={<PaneButtons onOpen={() => void navigate({ to: '/dags/$dagId/runs/$runId/tasks/$taskId', params: { dagId, runId: run, taskId: task }, search: map === undefined ? {} : { map } })} onClose={() => onSearch({})} />}
    />
  );
}

const mapOf = (mapIndex: number): { readonly map?: number } => (mapIndex < 0 ? {} : { map: mapIndex });

function groupsInside(structure: Structure, groupId: string): ReadonlySet<string> {
  const inside = new Set([groupId]);
  for (let before = 0; before !== inside.size;) {
    before = inside.size;
    for (const group of structure.groups) if (group.parent_id !== null && inside.has(group.parent_id)) inside.add(group.group_id);
  }
  return inside;
}

function PaneButtons({ onOpen, onClose }: { readonly onOpen?: () => void; readonly onClose: () => void }) {
  const text = useText();
  return (
    <>
      {onOpen !== undefined && <ActionIcon aria-label={text.pane.open} title={text.pane.open} onClick={onOpen}><IconArrowsMaximize size={15} stroke={1.6} /></ActionIcon>}
      <ActionIcon aria-label={text.pane.close} title={text.pane.close} onClick={onClose}><IconX size={16} stroke={1.6} /></ActionIcon>
    </>
  );
}

function Titled({ title, onClose, children }: { readonly title: string; readonly onClose: () => void; readonly children: ReactNode }) {
  return (
    <>
      <header className={style.head}><h2>{title}</h2><span className={style.end}><PaneButtons onClose={onClose} /></span></header>
      {children}
    </>
  );
}

function DagOverview({ dagId }: { readonly dagId: string }) {
  const text = useText();
  const dag = useQuery(dagQuery(dagId));
  return (
    <>
      <header className={style.head}><h2>{text.pane.overview}</h2></header>
      <Reading read={dag} rows={8} rowHeight={32}>{(found) => <DagFacts dag={found} />}</Reading>
    </>
  );
}

const labelled = (id: string, label: string | undefined): string => (label === undefined ? id : `${id} (${label})`);

function TaskOverRuns({ runs, structure, indexes, taskId, onSearch }: Props & { readonly taskId: string }) {
  const text = useText();
  const task = structure.tasks.find((one) => one.task_id === taskId);
  return (
    <Titled title={taskId} onClose={() => onSearch({})}>
      {task !== undefined && (
        <Facts facts={[
          [text.task.operator, task.operator],
          [text.task.upstream, task.upstream.length === 0 ? text.word.never : task.upstream.map((id) => labelled(id, task.edge_labels?.[id])).join(', ')],
          [text.task.triggerRule, <code>{task.trigger_rule}</code>],
          [text.task.retries, task.retries],
        ]} />
      )}
      <h2 className={style.section}>{text.pane.latest}</h2>
      <table className="list dense" data-testid="task-over-runs">
        <thead><tr><th>{text.run.id}</th><th>{text.task.id}</th><th>{text.run.title}</th><th className="number">{text.run.duration}</th></tr></thead>
        <tbody>
          {runs.map((run) => {
            const position = indexes.get(run.structure)?.get(taskId);
            const state = position === undefined ? null : stateOf(run.states[position] ?? '');
            return (
              <tr key={run.dag_run_id}>
                <td><button type="button" className={style.link} onClick={() => onSearch({ run: run.dag_run_id, task: taskId })}><Instant at={run.run_after} /></button></td>
                <td>{state === null ? <span className="soft">{text.grid.absent}</span> : <StateMark state={state} />}</td>
                <td><StateMark state={run.state} /></td>
                <td className="number"><Duration span={run} /></td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Titled>
  );
}
