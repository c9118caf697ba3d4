import { Button, Menu } from '@mantine/core';
import IconChevronDown from '@tabler/icons-react/icons/IconChevronDown';
import IconEraser from '@tabler/icons-react/icons/IconEraser';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useState } from 'react';
import { useLive } from '../api/live.ts';
import { runQuery } from '../api/query.ts';
import type { DagRun } from '../api/shape.ts';
import { ClearDialog } from '../dialog/clear-dialog.tsx';
import { MarkDialog } from '../dialog/mark-dialog.tsx';
import { Facts } from '../part/facts.tsx';
import { Duration, Instant } from '../part/instant.tsx';
import { StateBar } from '../part/state-bar.tsx';
import { StateMark } from '../part/state-mark.tsx';
import { TabBar, tabClass } from '../part/tabs.tsx';
import { Reading } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './detail.module.css';
import { AssetUpdates } from './asset-updates.tsx';
import { EventTimeline } from './event-timeline.tsx';
import { TaskList } from './task-list.tsx';

interface RunViewProps {
  readonly dagId: string;
  readonly runId: string;
  readonly tab: string | undefined;
  readonly onTab: (tab: string) => void;
  readonly onTask: (taskId: string, mapIndex: number) => void;
  /** Buttons of the place it stands in (open as a page, close the pane). */
  readonly end?: ReactNode;
}

const TABS = ['tasks', 'events', 'details'] as const;

/** One run: in the pane beside the grid, and as a page of its own. */
export function RunView({ dagId, runId, tab, onTab, onTask, end }: RunViewProps) {
  const text = useText();
  useLive(`dag:${dagId}`, `run:${dagId}/${runId}`);
  const run = useQuery(runQuery(dagId, runId));
  const shown = TABS.find((one) => one === tab) ?? 'tasks';
  return (
    <div className={style.view} data-testid="run-view" data-run={runId}>
      <Reading read={run} rows={2}>{(found) => <RunHead run={found} end={end} />}</Reading>
      <TabBar label={text.run.tabs}>
        {TABS.map((one) => (
          <button key={one} type="button" className={`${tabClass} ${style.tabButton}`} aria-current={one === shown ? 'page' : undefined} data-testid={`tab-${one}`} onClick={() => onTab(one)}>
            {{ tasks: text.run.tasks, events: text.run.events, details: text.run.details }[one]}
          </button>
        ))}
      </TabBar>
      <div className={style.body}>
        {shown === 'tasks' && <TaskList dagId={dagId} runId={runId} onTask={onTask} />}
        {shown === 'events' && <EventTimeline dagId={dagId} runId={runId} />}
        {shown === 'details' && run.data !== undefined && <RunFacts run={run.data} />}
      </div>
    </div>
  );
}

function RunHead({ run, end }: { readonly run: DagRun; readonly end: ReactNode }) {
  const text = useText();
  const [dialog, setDialog] = useState<'clear' | 'success' | 'failed' | null>(null);
  const target = { dagId: run.dag_id, runId: run.dag_run_id, mapIndex: -1 };
  return (
    <header className={style.head}>
      <div className={style.title}>
        <h2 data-testid="run-state"><StateMark state={run.state} size={16} /></h2>
        <code className={style.id} title={run.dag_run_id}>{run.dag_run_id}</code>
        <span className={style.actions}>
          <Button variant="default" leftSection={<IconEraser size={14} aria-hidden />} onClick={() => setDialog('clear')}>{text.run.clear}</Button>
          <Menu position="bottom-end">
            <Menu.Target><Button variant="default" rightSection={<IconChevronDown size={14} aria-hidden />}>{text.run.mark}</Button></Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => setDialog('success')}>{text.run.markSuccess}</Menu.Item>
              <Menu.Item onClick={() => setDialog('failed')}>{text.run.markFailed}</Menu.Item>
            </Menu.Dropdown>
          </Menu>
          {end}
        </span>
      </div>
      <p className={style.summary}>
        <span>{text.runType(run.run_type)}</span>
        {run.partition_key !== null && <span><span className="soft">{text.run.partition}</span> <code>{run.partition_key}</code></span>}
        <span><span className="soft">{text.run.runAfter}</span> <Instant at={run.run_after} /></span>
        <span><span className="soft">{text.run.start}</span> <Instant at={run.start_date} relative /></span>
        <span><span className="soft">{text.run.duration}</span> <Duration span={run} /></span>
      </p>
      {run.failure_reason !== null && <p className={style.reason} data-bad="true">{text.failureReason(run.failure_reason)}</p>}
      <StateBar counts={run.task_instance_counts} />
      {dialog === 'clear' && <ClearDialog target={target} onClose={() => setDialog(null)} />}
      {(dialog === 'success' || dialog === 'failed') && <MarkDialog target={target} state={dialog} onClose={() => setDialog(null)} />}
    </header>
  );
}

function RunFacts({ run }: { readonly run: DagRun }) {
  const text = useText();
  return (
    <Facts facts={[
      [text.run.id, <code>{run.dag_run_id}</code>],
      [text.run.type, text.runType(run.run_type)],
      [text.run.triggeredBy, [run.triggered_by, run.triggering_user_name].filter((part) => part !== null).join(' · ')],
      [text.run.partition, run.partition_key === null ? undefined : <code>{run.partition_key}</code>],
      [text.run.logicalDate, <Instant at={run.logical_date} />],
      [text.run.interval, run.data_interval_start === null ? undefined : <><Instant at={run.data_interval_start} /> – <Instant at={run.data_interval_end} /></>],
      [text.run.runAfter, <Instant at={run.run_after} />],
      [text.run.queued, <Instant at={run.queued_at} />],
      [text.run.start, <Instant at={run.start_date} />],
      [text.run.end, <Instant at={run.end_date} />],
      [text.run.version, run.dag_versions.map((version) => version.version_number).join(', ')],
      [text.run.assetUpdates, run.run_type === 'asset_triggered' ? <AssetUpdates dagId={run.dag_id} runId={run.dag_run_id} /> : undefined],
      [text.run.conf, <pre className="mono">{JSON.stringify(run.conf ?? {}, null, 2)}</pre>],
      [text.run.note, run.note ?? undefined],
    ]} />
  );
}
