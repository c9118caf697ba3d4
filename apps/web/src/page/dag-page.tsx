import { Button } from '@mantine/core';
import IconPlayerPlay from '@tabler/icons-react/icons/IconPlayerPlay';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, Outlet } from '@tanstack/react-router';
import { useState } from 'react';
import { useLive } from '../api/live.ts';
import { dagQuery } from '../api/query.ts';
import { TriggerDialog } from '../dialog/trigger-dialog.tsx';
import { Instant } from '../part/instant.tsx';
import { PauseSwitch } from '../part/pause-switch.tsx';
import { TabBar, tabClass } from '../part/tabs.tsx';
import { Failure } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './dag-page.module.css';

const route = getRouteApi('/dags/$dagId');

/** What stands above every view of one DAG. */
export function DagPage() {
  const text = useText();
  const { dagId } = route.useParams();
  const dag = useQuery(dagQuery(dagId));
  const [triggers, setTriggers] = useState(false);
  useLive(`dag:${dagId}`);
  const isPaused = dag.data?.is_paused ?? false;
  return (
    <div className={style.page}>
      <header className={style.head}>
        <h1>{dag.data?.dag_display_name ?? dagId}</h1>
        {dag.data !== undefined && <PauseSwitch dagId={dagId} isPaused={isPaused} />}
        {dag.data?.timetable_summary != null && <code title={dag.data.timetable_description ?? undefined}>{dag.data.timetable_summary}</code>}
        {dag.data?.timezone != null && <span className="soft">{dag.data.timezone}</span>}
        {isPaused ? <span className="soft">{text.dag.isPaused}</span> : dag.data?.next_dagrun_run_after != null && (
          <span><span className="soft">{text.dags.nextRun}</span> <Instant at={dag.data.next_dagrun_run_after} relative /></span>
        )}
        <span className={style.actions}>
          <Button leftSection={<IconPlayerPlay size={14} aria-hidden />} onClick={() => setTriggers(true)}>{text.dag.trigger}</Button>
        </span>
      </header>
      {dag.error !== null && <Failure failure={dag.error} retry={() => void dag.refetch()} stale={dag.data !== undefined} />}
      <TabBar label={text.dag.tabs}>
        <Link to="/dags/$dagId" params={{ dagId }} className={tabClass} activeOptions={{ exact: true, includeSearch: false }}>{text.dag.grid}</Link>
        <Link to="/dags/$dagId/runs" params={{ dagId }} className={tabClass} activeOptions={{ includeSearch: false }}>{text.dag.runs}</Link>
        <Link to="/dags/$dagId/code" params={{ dagId }} className={tabClass}>{text.dag.code}</Link>
        <Link to="/dags/$dagId/details" params={{ dagId }} className={tabClass}>{text.dag.details}</Link>
      </TabBar>
      <div className={style.view}><Outlet /></div>
      {triggers && <TriggerDialog dagId={dagId} isPaused={isPaused} onClose={() => setTriggers(false)} />}
    </div>
  );
}
