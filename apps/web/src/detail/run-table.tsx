import { SegmentedControl } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { runsQuery } from '../api/query.ts';
import type { RunListSearch } from '../model/search.ts';
import type { RunState } from '../model/task-state.ts';
import { Duration, Instant } from '../part/instant.tsx';
import { Pager } from '../part/pager.tsx';
import { StateMark } from '../part/state-mark.tsx';
import { Empty, Reading } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './run-table.module.css';

const STATES: readonly RunState[] = ['running', 'queued', 'success', 'failed'];

/** Runs, newest first: of one DAG, or of all. */
export function RunTable({ dagId, search, onSearch }: { readonly dagId?: string; readonly search: RunListSearch; readonly onSearch: (search: RunListSearch) => void }) {
  const text = useText();
  const runs = useQuery(runsQuery({ ...(dagId === undefined ? {} : { dagId }), state: search.state, page: (search.page ?? 1) - 1 }));
  return (
    <>
      <div className={style.bar}>
        <SegmentedControl
          size="xs" aria-label={text.run.state} value={search.state ?? 'all'} data={[{ value: 'all', label: text.word.all }, ...STATES.map((state) => ({ value: state, label: text.state[state] }))]}
          onChange={(value) => onSearch(value === 'all' ? {} : { state: value as RunState })}
        />
      </div>
      <Reading read={runs} rows={10} rowHeight={36}>
        {({ dag_runs, total_entries }) => (dag_runs.length === 0 ? <Empty title={text.run.empty} how={text.run.emptyHow} /> : (
          <>
            <table className="list" data-testid="run-list">
              <thead>
                <tr>
                  {dagId === undefined && <th>{text.dags.name}</th>}
                  <th>{text.run.runAfter}</th><th>{text.run.state}</th><th>{text.run.type}</th><th>{text.run.start}</th><th className="number">{text.run.duration}</th><th>{text.run.id}</th>
                </tr>
              </thead>
              <tbody>
                {dag_runs.map((run) => (
                  <tr key={`${run.dag_id}/${run.dag_run_id}`} data-testid="run-row" data-run={run.dag_run_id} data-state={run.state}>
                    {dagId === undefined && <td><Link to="/dags/$dagId" params={{ dagId: run.dag_id }}>{run.dag_id}</Link></td>}
                    <td><Link to="/dags/$dagId/runs/$runId" params={{ dagId: run.dag_id, runId: run.dag_run_id }}><Instant at={run.run_after} /></Link></td>
                    <td><StateMark state={run.state} /></td>
                    <td>{text.runType(run.run_type)}</td>
                    <td><Instant at={run.start_date} relative /></td>
                    <td className="number"><Duration span={run} /></td>
                    <td><code className="soft">{run.dag_run_id}</code></td>
                  </tr>
                ))}
              </tbody>
            </table>
            <Pager page={(search.page ?? 1) - 1} total={total_entries} onPage={(page) => onSearch({ ...search, page: page + 1 })} />
          </>
        ))}
      </Reading>
    </>
  );
}
