import type { TaskInstance } from '../api/shape.ts';
import { StateMark } from '../part/state-mark.tsx';
import { useText } from '../text/text.ts';
import style from './dialog.module.css';

/** What a clear or a mark touches, as the gateway's dry run tells it. */
export function AffectedList({ instances }: { readonly instances: readonly Pick<TaskInstance, 'task_id' | 'map_index' | 'dag_run_id' | 'state'>[] }) {
  const text = useText();
  if (instances.length === 0) return null;
  return (
    <div className={style.affected} tabIndex={0} role="region" aria-label={text.mark.affected}>
      <table className="list dense">
        <tbody>
          {instances.map((one) => (
            <tr key={`${one.dag_run_id}/${one.task_id}/${one.map_index}`} data-testid="affected">
              <td>{one.task_id}{one.map_index >= 0 && <span className="soft"> [{one.map_index}]</span>}</td>
              <td><code>{one.dag_run_id}</code></td>
              <td><StateMark state={one.state} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
