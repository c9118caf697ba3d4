import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { deleteStoredVariable } from '../api/mutation.ts';
import { variablesKey, variablesQuery } from '../api/query.ts';
import type { Variable } from '../api/shape.ts';
import { DeleteDialog } from '../dialog/delete-dialog.tsx';
import { VariableDialog } from '../dialog/variable-dialog.tsx';
import { Pager } from '../part/pager.tsx';
import { Empty, Reading } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './list-page.module.css';

const SHOWN_CHARACTERS = 120;

/** Stored variables; those from files and the environment are not among them. */
export function VariablePage() {
  const text = useText();
  const [page, setPage] = useState(0);
  const [editing, setEditing] = useState<Variable | 'new' | null>(null);
  const [deleting, setDeleting] = useState<string | null>(null);
  const read = useQuery(variablesQuery(page));
  return (
    <>
      <header className={style.head}><h1>{text.variable.title}</h1><Button className={style.end ?? ''} onClick={() => setEditing('new')}>{text.variable.add}</Button></header>
      <Reading read={read} rows={6}>
        {({ variables, total_entries: total }) => (variables.length === 0 ? <Empty title={text.variable.empty} how={text.variable.emptyHow} /> : (
          <>
            <table className="list" data-testid="variables">
              <thead><tr><th>{text.variable.key}</th><th>{text.variable.value}</th><th>{text.variable.description}</th><th><span className="visually-hidden">{text.word.actions}</span></th></tr></thead>
              <tbody>
                {variables.map((one) => (
                  <tr key={one.key} data-testid="variable-row" data-variable={one.key}>
                    <td><code>{one.key}</code></td><td><code className="soft">{one.value.slice(0, SHOWN_CHARACTERS)}{one.value.length > SHOWN_CHARACTERS && '…'}</code></td><td>{one.description}</td>
                    <td className={style.actions}>
                      <Button size="compact-xs" variant="default" aria-label={`${text.word.edit} ${one.key}`} onClick={() => setEditing(one)}>{text.word.edit}</Button>
                      <Button size="compact-xs" variant="default" aria-label={`${text.remove.submit} ${one.key}`} onClick={() => setDeleting(one.key)}>{text.remove.submit}</Button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
            <Pager page={page} total={total} onPage={setPage} />
          </>
        ))}
      </Reading>
      {editing !== null && <VariableDialog variable={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />}
      {deleting !== null && <DeleteDialog name={deleting} listKey={variablesKey} remove={() => deleteStoredVariable(deleting)} onClose={() => setDeleting(null)} />}
    </>
  );
}
