import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { deleteStoredConnection } from '../api/mutation.ts';
import { connectionsKey, connectionsQuery } from '../api/query.ts';
import type { Connection } from '../api/shape.ts';
import { ConnectionDialog } from '../dialog/connection-dialog.tsx';
import { DeleteDialog } from '../dialog/delete-dialog.tsx';
import { Pager } from '../part/pager.tsx';
import { Empty, Reading } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './list-page.module.css';

/** Stored connections; those from files and the environment are not among them. */
export function ConnectionPage() {
  const text = useText();
  const [page, setPage] = useState(0);
  const [editing, setEditing] = useState<Connection | 'new' | null>(null);
  const [deleting, setDeleting] = useState<string | null>(null);
  const read = useQuery(connectionsQuery(page));
  return (
    <>
      <header className={style.head}><h1>{text.connection.title}</h1><Button className={style.end ?? ''} onClick={() => setEditing('new')}>{text.connection.add}</Button></header>
      <Reading read={read} rows={6}>
        {({ connections, total_entries: total }) => (connections.length === 0 ? <Empty title={text.connection.empty} how={text.connection.emptyHow} /> : (
          <>
            <table className="list" data-testid="connections">
              <thead><tr><th>{text.connection.connection_id}</th><th>{text.connection.conn_type}</th><th>{text.connection.host}</th><th>{text.connection.login}</th><th>{text.connection.description}</th><th><span className="visually-hidden">{text.word.actions}</span></th></tr></thead>
              <tbody>
                {connections.map((one) => (
                  <tr key={one.connection_id} data-testid="connection-row" data-connection={one.connection_id}>
                    <td><code>{one.connection_id}</code></td><td>{one.conn_type}</td>
                    <td>{one.host}{one.port !== null && `:${one.port}`}</td><td>{one.login}</td><td>{one.description}</td>
                    <td className={style.actions}>
                      <Button size="compact-xs" variant="default" aria-label={`${text.word.edit} ${one.connection_id}`} onClick={() => setEditing(one)}>{text.word.edit}</Button>
                      <Button size="compact-xs" variant="default" aria-label={`${text.remove.submit} ${one.connection_id}`} onClick={() => setDeleting(one.connection_id)}>{text.remove.submit}</Button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
            <Pager page={page} total={total} onPage={setPage} />
          </>
        ))}
      </Reading>
      {editing !== null && <ConnectionDialog connection={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />}
      {deleting !== null && <DeleteDialog name={deleting} listKey={connectionsKey} remove={() => deleteStoredConnection(deleting)} onClose={() => setDeleting(null)} />}
    </>
  );
}
