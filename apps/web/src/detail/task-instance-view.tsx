import { Button, Menu, NativeSelect } from '@mantine/core';
import IconChevronDown from '@tabler/icons-react/icons/IconChevronDown';
import IconEraser from '@tabler/icons-react/icons/IconEraser';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useState } from 'react';
import { useLive } from '../api/live.ts';
import type { Mark } from '../api/mutation.ts';
import { taskInstanceQuery, triesQuery } from '../api/query.ts';
import type { TaskInstance } from '../api/shape.ts';
import { ClearDialog } from '../dialog/clear-dialog.tsx';
import { MarkDialog } from '../dialog/mark-dialog.tsx';
import { LogView } from '../log/log-view.tsx';
import { Facts } from '../part/facts.tsx';
import { Duration, Instant } from '../part/instant.tsx';
import { StateMark } from '../part/state-mark.tsx';
import { TabBar, tabClass } from '../part/tabs.tsx';
import { Empty, Reading } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './detail.module.css';
import { Answer } from './answer.tsx';
import { KeptState } from './kept-state.tsx';
import { Rendered } from './rendered.tsx';
import { Result } from './result.tsx';
import { Why } from './why.tsx';

interface TaskInstanceViewProps {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number;
  /** `undefined`: the newest try, also when a newer one begins. */
  readonly tryNumber: number | undefined;
  readonly tab: string | undefined;
  readonly onTab: (tab: string) => void;
  readonly onTry: (tryNumber: number) => void;
  readonly end?: ReactNode;
}

const TABS = ['logs', 'why', 'rendered', 'result', 'tries', 'details'] as const;
/** Operators whose tasks ask people. */
const ASKING: ReadonlySet<string> = new Set(['approval', 'choose', 'form']);
const MARKS: readonly Mark[] = ['success', 'failed', 'skipped'];

/** One task instance, logs first: in the pane beside the grid, and as a page of its own. */
export function TaskInstanceView(props: TaskInstanceViewProps) {
  const { dagId, runId, taskId, mapIndex, tab, onTab, end } = props;
  const text = useText();
  useLive(`dag:${dagId}`, `run:${dagId}/${runId}`);
  const instance = useQuery(taskInstanceQuery(dagId, runId, taskId, mapIndex));
  const shown = TABS.find((one) => one === tab) ?? 'logs';
  return (
    <div className={style.view} data-testid="task-instance-view" data-task={taskId} data-run={runId}>
      <Reading read={instance} rows={2}>{(found) => <InstanceHead instance={found} end={end} />}</Reading>
      {instance.data !== undefined && instance.data.try_number > 0 && ASKING.has(instance.data.operator ?? '') && <Answer instance={instance.data} />}
      <TabBar label={text.task.tabs} end={instance.data !== undefined && shown === 'logs' && <TryChoice instance={instance.data} tryNumber={props.tryNumber} onTry={props.onTry} />}>
        {TABS.map((one) => (
          <button key={one} type="button" className={`${tabClass} ${style.tabButton}`} aria-current={one === shown ? 'page' : undefined} data-testid={`tab-${one}`} onClick={() => onTab(one)}>
            {{ logs: text.task.logs, why: text.task.why, rendered: text.task.rendered, result: text.task.result, tries: text.task.tries, details: text.task.details }[one]}
          </button>
        ))}
      </TabBar>
      <div className={style.body}>
        {instance.data !== undefined && shown === 'logs' && <InstanceLog instance={instance.data} tryNumber={props.tryNumber} />}
        {shown === 'why' && <Why dagId={dagId} runId={runId} taskId={taskId} mapIndex={mapIndex} />}
        {instance.data !== undefined && shown === 'rendered' && <Rendered instance={instance.data} />}
        {instance.data !== undefined && shown === 'result' && <Result instance={instance.data} />}
        {shown === 'tries' && <Tries {...props} />}
        {instance.data !== undefined && shown === 'details' && <><InstanceFacts instance={instance.data} /><KeptState instance={instance.data} /></>}
      </div>
    </div>
  );
}

function InstanceHead({ instance, end }: { readonly instance: TaskInstance; readonly end: ReactNode }) {
  const text = useText();
  const [dialog, setDialog] = useState<'clear' | Mark | null>(null);
  const target = { dagId: instance.dag_id, runId: instance.dag_run_id, taskId: instance.task_id, mapIndex: instance.map_index };
  return (
    <header className={style.head}>
      <div className={style.title}>
        <h2>{instance.task_display_name}{instance.map_index >= 0 && <span className="soft"> [{instance.rendered_map_index ?? instance.map_index}]</span>}</h2>
        <span data-testid="task-state" data-state={instance.state ?? 'none'}><StateMark state={instance.state} /></span>
        <span className={style.actions}>
          <Button variant="default" leftSection={<IconEraser size={14} aria-hidden />} onClick={() => setDialog('clear')}>{text.run.clear}</Button>
          <Menu position="bottom-end">
            <Menu.Target><Button variant="default" rightSection={<IconChevronDown size={14} aria-hidden />}>{text.run.mark}</Button></Menu.Target>
            <Menu.Dropdown>{MARKS.map((mark) => <Menu.Item key={mark} onClick={() => setDialog(mark)}><StateMark state={mark} /></Menu.Item>)}</Menu.Dropdown>
          </Menu>
          {end}
        </span>
      </div>
      <p className={style.summary}>
        <span><code>{instance.dag_run_id}</code></span>
        <span><span className="soft">{text.task.start}</span> <Instant at={instance.start_date} /></span>
        <span><span className="soft">{text.task.duration}</span> <Duration span={instance} /></span>
        <span><span className="soft">{text.task.try}</span> {text.task.tryOf(instance.try_number, instance.max_tries + 1)}</span>
        {instance.hostname !== null && instance.hostname !== '' && <span><span className="soft">{text.task.host}</span> {instance.hostname}</span>}
      </p>
      {instance.next_at !== null && <p className={style.reason}>{text.task.nextAt} <Instant at={instance.next_at} relative /></p>}
      {instance.reason !== null && <p className={style.reason} data-bad={instance.state === 'failed'} data-testid="reason"><code>{instance.reason.code}</code> {instance.reason.message}</p>}
      {dialog === 'clear' && <ClearDialog target={target} onClose={() => setDialog(null)} />}
      {dialog !== null && dialog !== 'clear' && <MarkDialog target={target} state={dialog} instance={instance} onClose={() => setDialog(null)} />}
    </header>
  );
}

function TryChoice({ instance, tryNumber, onTry }: { readonly instance: TaskInstance; readonly tryNumber: number | undefined; readonly onTry: (tryNumber: number) => void }) {
  const text = useText();
  if (instance.try_number <= 1) return null;
  const tries = Array.from({ length: instance.try_number }, (_, index) => index + 1);
  return (
    <NativeSelect
      size="xs" aria-label={text.task.try} data-testid="try-choice" value={String(tryNumber ?? instance.try_number)}
      data={tries.map((one) => ({ value: String(one), label: `${text.task.try} ${one}` }))} onChange={(event) => onTry(Number(event.currentTarget.value))}
    />
  );
}

function InstanceLog({ instance, tryNumber }: { readonly instance: TaskInstance; readonly tryNumber: number | undefined }) {
  const shown = tryNumber ?? instance.try_number;
  // Nothing has run yet: what a person would look for in the log is why.
  if (shown < 1) return <Why dagId={instance.dag_id} runId={instance.dag_run_id} taskId={instance.task_id} mapIndex={instance.map_index} />;
  // A log that was asked for before its first line existed is asked for again once the try has started.
  const began = shown === instance.try_number && instance.start_date === null ? 'waiting' : 'began';
  return <LogView key={`${shown}/${began}`} address={{ dagId: instance.dag_id, runId: instance.dag_run_id, taskId: instance.task_id, mapIndex: instance.map_index, tryNumber: shown }} />;
}

function Tries({ dagId, runId, taskId, mapIndex, onTry, onTab }: TaskInstanceViewProps) {
  const text = useText();
  const tries = useQuery(triesQuery(dagId, runId, taskId, mapIndex));
  return (
    <Reading read={tries} rows={2} rowHeight={28}>
      {({ task_instances }) => (task_instances.length === 0 ? <Empty title={text.task.noTries} /> : (
        <table className="list dense" data-testid="tries">
          <thead><tr><th className="number">{text.task.try}</th><th>{text.run.state}</th><th>{text.task.host}</th><th>{text.task.start}</th><th className="number">{text.task.duration}</th></tr></thead>
          <tbody>
            {task_instances.map((one) => (
              <tr key={one.try_number} data-testid="try-row">
                <td className="number"><button type="button" className={style.link} onClick={() => { onTry(one.try_number); onTab('logs'); }}>{one.try_number}</button></td>
                <td><StateMark state={one.state} /></td>
                <td>{one.hostname ?? <span className="soft">{text.word.never}</span>}</td>
                <td><Instant at={one.start_date} /></td>
                <td className="number"><Duration span={one} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      ))}
    </Reading>
  );
}

function InstanceFacts({ instance }: { readonly instance: TaskInstance }) {
  const text = useText();
  return (
    <Facts facts={[
      [text.task.id, <code>{instance.task_id}</code>],
      [text.task.mapIndex, instance.map_index < 0 ? undefined : instance.map_index],
      [text.task.operator, instance.operator_name ?? instance.operator ?? undefined],
      [text.task.scheduled, <Instant at={instance.scheduled_when} />],
      [text.task.queued, <Instant at={instance.queued_when} />],
      [text.task.start, <Instant at={instance.start_date} />],
      [text.task.end, <Instant at={instance.end_date} />],
      [text.task.host, instance.hostname ?? undefined],
      [text.task.pid, instance.pid ?? undefined],
      [text.task.pool, text.task.slots(instance.pool, instance.pool_slots)],
      [text.task.queue, instance.queue ?? undefined],
      [text.task.priority, instance.priority_weight ?? undefined],
      [text.task.reason, instance.reason?.detail == null ? undefined : <pre className="mono">{instance.reason.detail}</pre>],
      [text.run.note, instance.note ?? undefined],
    ]} />
  );
}
