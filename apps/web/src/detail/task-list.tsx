import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { taskInstancesQuery } from '../api/query.ts';
import { Duration, Instant } from '../part/instant.tsx';
import { StateMark } from '../part/state-mark.tsx';
import { Empty, Reading } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './detail.module.css';

/** The task instances of a run, of one task (its mapped instances), or of a group. */
export function TaskList({ dagId, runId, taskId, taskIds, onTask }: {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId?: string;
  readonly taskIds?: readonly string[];
  readonly onTask: (taskId: string, mapIndex: number) => void;
}) {
  const text = useText();
  const read = useInfiniteQuery(taskInstancesQuery(dagId, runId, taskId));
  const { hasNextPage, isFetching, fetchNextPage } = read;
  useEffect(() => {
    if (hasNextPage && !isFetching) void fetchNextPage();
  }, [hasNextPage, isFetching, fetchNextPage]);
  return (
    <Reading read={read} rows={6} rowHeight={28}>
      {({ pages }) => {
        const listed = pages.flatMap((page) => page.task_instances);
        const instances = taskIds === undefined ? listed : listed.filter((one) => taskIds.includes(one.task_id));
        if (instances.length === 0) return <Empty title={text.task.noTasks} />;
        return (
          <table className="list dense" data-testid="task-list">
            <thead><tr><th>{text.task.id}</th><th>{text.run.state}</th><th className="number">{text.task.try}</th><th>{text.task.start}</th><th className="number">{text.task.duration}</th></tr></thead>
            <tbody>
              {instances.map((one) => (
                <tr key={`${one.task_id}/${one.map_index}`} data-testid="task-row" data-task={one.task_id} data-map-index={one.map_index} data-state={one.state ?? 'none'}>
                  <td>
                    <button type="button" className={style.link} onClick={() => onTask(one.task_id, one.map_index)}>{one.task_display_name}</button>
                    {one.map_index >= 0 && <span className="soft"> [{one.rendered_map_index ?? one.map_index}]</span>}
                  </td>
                  <td><StateMark state={one.state} /></td>
                  <td className="number">{one.try_number === 0 ? <span className="soft">{text.word.never}</span> : one.try_number}</td>
                  <td><Instant at={one.start_date} /></td>
                  <td className="number"><Duration span={one} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        );
      }}
    </Reading>
  );
}
