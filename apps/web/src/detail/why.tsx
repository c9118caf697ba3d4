import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { whyQuery } from '../api/query.ts';
import { Instant } from '../part/instant.tsx';
import { StateMark } from '../part/state-mark.tsx';
import { Reading } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './detail.module.css';

/** Why a task instance is in its state, in the domain's own words, and which task instances it waits for. */
export function Why({ dagId, runId, taskId, mapIndex }: { readonly dagId: string; readonly runId: string; readonly taskId: string; readonly mapIndex: number }) {
  const text = useText();
  const why = useQuery(whyQuery(dagId, runId, taskId, mapIndex));
  return (
    <Reading read={why} rows={2} rowHeight={28}>
      {({ code, message, until, waits_for }) => (
        <div data-testid="why" data-code={code}>
          <p className={style.why}>{message}{until !== null && <> <span className="soft">{text.task.until}</span> <Instant at={until} relative /></>}</p>
          {waits_for.length > 0 && (
            <table className="list dense">
              <thead><tr><th>{text.task.waitsFor}</th><th>{text.run.state}</th></tr></thead>
              <tbody>
                {waits_for.map((one) => (
                  <tr key={`${one.task_id}/${one.map_index}`}>
                    <td>
                      <Link to="/dags/$dagId/runs/$runId/tasks/$taskId" params={{ dagId, runId, taskId: one.task_id }} search={one.map_index < 0 ? {} : { map: one.map_index }}>{one.task_id}</Link>
                      {one.map_index >= 0 && <span className="soft"> [{one.map_index}]</span>}
                    </td>
                    <td><StateMark state={one.state} /></td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </div>
      )}
    </Reading>
  );
}
