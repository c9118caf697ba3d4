import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useLive } from '../api/live.ts';
import { requiredActionsQuery } from '../api/query.ts';
import { Instant } from '../part/instant.tsx';
import { Empty, Reading } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './list-page.module.css';

/** What tasks wait for a person to answer, oldest first. */
export function RequiredActionPage() {
  const text = useText();
  useLive('dags');
  const asked = useQuery(requiredActionsQuery);
  return (
    <>
      <header className={style.head}><h1>{text.answer.title}</h1></header>
      <Reading read={asked} rows={6}>
        {({ hitl_details: inputs, total_entries: total }) => (inputs.length === 0 ? <Empty title={text.answer.empty} how={text.answer.emptyHow} /> : (
          <>
            <table className="list" data-testid="required-actions">
              <thead><tr><th>{text.answer.subject}</th><th>{text.dags.name}</th><th>{text.answer.task}</th><th>{text.answer.assignee}</th><th>{text.answer.since}</th></tr></thead>
              <tbody>
                {inputs.map(({ subject, created_at: at, assigned_users: users, task_instance: instance }) => (
                  <tr key={instance.id} data-testid="required-action" data-task={instance.task_id}>
                    <td>
                      <Link
                        to="/dags/$dagId/runs/$runId/tasks/$taskId" params={{ dagId: instance.dag_id, runId: instance.dag_run_id, taskId: instance.task_id }}
                        search={instance.map_index < 0 ? {} : { map: instance.map_index }}
                      >{subject}</Link>
                    </td>
                    <td><Link to="/dags/$dagId" params={{ dagId: instance.dag_id }}>{instance.dag_id}</Link></td>
                    <td>{instance.task_display_name}{instance.map_index >= 0 && ` [${instance.map_index}]`}</td>
                    <td>{users.length === 0 ? <span className="soft">{text.answer.anybody}</span> : users.map(({ name }) => name).join(', ')}</td>
                    <td><Instant at={at} relative /></td>
                  </tr>
                ))}
              </tbody>
            </table>
            {total > inputs.length && <p className={`soft ${style.more}`}>{text.answer.more(inputs.length, total)}</p>}
          </>
        ))}
      </Reading>
    </>
  );
}
