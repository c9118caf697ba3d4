import { useQuery } from '@tanstack/react-query';
import { keptStateQuery } from '../api/query.ts';
import type { TaskInstance } from '../api/shape.ts';
import { Instant } from '../part/instant.tsx';
import { useText } from '../text/text.ts';
import style from './detail.module.css';

/** What the task instance keeps for its next try; nothing where it keeps nothing. */
export function KeptState({ instance }: { readonly instance: TaskInstance }) {
  const text = useText();
  const { data: entries = [] } = useQuery(keptStateQuery(instance));
  if (entries.length === 0) return null;
  return (
    <table className="list dense" data-testid="kept-state">
      <caption className={style.caption}>{text.task.kept}</caption>
      <thead><tr><th>{text.task.keptKey}</th><th>{text.task.keptValue}</th><th>{text.task.keptWritten}</th><th>{text.task.keptExpires}</th></tr></thead>
      <tbody>
        {entries.map(({ key, value, updated_at: updatedAt, expires_at: expiresAt }) => (
          <tr key={key}>
            <td><code>{key}</code></td>
            <td><pre className="mono">{typeof value === 'string' ? value : JSON.stringify(value)}</pre></td>
            <td><Instant at={updatedAt} /></td>
            <td><Instant at={expiresAt} /></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
