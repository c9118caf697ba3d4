import { ActionIcon, SegmentedControl, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import IconAlertTriangle from '@tabler/icons-react/icons/IconAlertTriangle';
import IconPlayerPlay from '@tabler/icons-react/icons/IconPlayerPlay';
import IconSearch from '@tabler/icons-react/icons/IconSearch';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { dagsQuery, importErrorsQuery } from '../api/query.ts';
import type { ListedDag } from '../api/shape.ts';
import { TriggerDialog } from '../dialog/trigger-dialog.tsx';
import { DagZoneProvider } from '../frame/zone.tsx';
import type { DagListSearch } from '../model/search.ts';
import { Duration, Instant } from '../part/instant.tsx';
import { Pager } from '../part/pager.tsx';
import { PauseSwitch } from '../part/pause-switch.tsx';
import { RunStrip } from '../part/run-strip.tsx';
import { StateMark } from '../part/state-mark.tsx';
import { Empty, Failure, Reading } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './dag-list-page.module.css';

const route = getRouteApi('/dags');
const STRIP_RUNS = 14;

export function DagListPage() {
  const text = useText();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const dags = useQuery(dagsQuery({ name: search.q ?? '', paused: search.paused, page: (search.page ?? 1) - 1 }));
  const [triggering, setTriggering] = useState<ListedDag | null>(null);
  const set = (change: Partial<DagListSearch>) => void navigate({ search: (now) => ({ ...now, page: undefined, ...change }) as DagListSearch, replace: true });

  return (
    <div>
      <ImportErrorBanner />
      <div className={style.bar}>
        <NameFilter value={search.q ?? ''} onChange={(q) => set({ q: q === '' ? undefined : q } as Partial<DagListSearch>)} />
        <SegmentedControl
          size="xs" aria-label={text.dags.show}
          data={[{ value: 'all', label: text.word.all }, { value: 'active', label: text.dags.active }, { value: 'paused', label: text.dags.paused }]}
          value={search.paused === undefined ? 'all' : search.paused ? 'paused' : 'active'}
          onChange={(shown) => set({ paused: shown === 'all' ? undefined : shown === 'paused' } as Partial<DagListSearch>)}
        />
      </div>
      <Reading read={dags} rows={8} rowHeight={44}>
        {({ dags: listed, total_entries }) => (listed.length === 0 ? (
          search.q === undefined && search.paused === undefined ? <Empty title={text.dags.empty} how={text.dags.emptyHow} /> : <Empty title={text.dags.noMatch} />
        ) : (
          <>
            <table className={`list ${style.table}`} data-testid="dag-list">
              <thead>
                <tr>
                  <th>{text.dags.on}</th><th>{text.dags.name}</th><th>{text.dags.schedule}</th><th>{text.dags.lastRuns}</th><th>{text.dags.lastRun}</th><th>{text.dags.nextRun}</th>
                  <th><span className="visually-hidden">{text.dag.trigger}</span></th>
                </tr>
              </thead>
              <tbody>
                {listed.map((dag) => <DagLine key={dag.dag_id} dag={dag} onTrigger={() => setTriggering(dag)} />)}
              </tbody>
            </table>
            <Pager page={(search.page ?? 1) - 1} total={total_entries} onPage={(page) => set({ page: page + 1 })} />
          </>
        ))}
      </Reading>
      {triggering !== null && <TriggerDialog dagId={triggering.dag_id} isPaused={triggering.is_paused} onClose={() => setTriggering(null)} />}
    </div>
  );
}

/** Typing filters at once on screen and a moment later in the address. */
function NameFilter({ value, onChange }: { readonly value: string; readonly onChange: (value: string) => void }) {
  const text = useText();
  const [typed, setTyped] = useState(value);
  const settle = useDebouncedCallback(onChange, 200);
  useEffect(() => setTyped(value), [value]);
  return (
    <TextInput
      className={style.filter} aria-label={text.dags.filter} placeholder={text.dags.filter} value={typed} leftSection={<IconSearch size={14} aria-hidden />}
      onChange={(event) => { setTyped(event.currentTarget.value); settle(event.currentTarget.value.trim()); }}
    />
  );
}

function DagLine({ dag, onTrigger }: { readonly dag: ListedDag; readonly onTrigger: () => void }) {
  const text = useText();
  const newest = dag.latest_runs.at(-1);
  return (
    <DagZoneProvider zone={dag.timezone}>
      <tr data-testid="dag-row" data-dag={dag.dag_id} data-paused={dag.is_paused}>
        <td><PauseSwitch dagId={dag.dag_id} isPaused={dag.is_paused} /></td>
        <td>
          <Link to="/dags/$dagId" params={{ dagId: dag.dag_id }} className={style.name}>{dag.dag_display_name}</Link>
          {dag.has_import_errors && (
            <Link to="/import-errors" title={text.dags.brokenFile} aria-label={text.dags.brokenFile} className={style.broken}><IconAlertTriangle size={14} color="var(--state-failed)" aria-hidden /></Link>
          )}
          {dag.is_stale && <span className="soft"> {text.dags.stale}</span>}
          {dag.tags.map((tag) => <span key={tag.name} className={style.tag}>{tag.name}</span>)}
        </td>
        <td><Schedule dag={dag} /></td>
        <td><RunStrip dagId={dag.dag_id} runs={dag.latest_runs} slots={STRIP_RUNS} /></td>
        <td>
          {newest === undefined ? <span className="soft">{text.word.never}</span> : (
            <Link to="/dags/$dagId/runs/$runId" params={{ dagId: dag.dag_id, runId: newest.dag_run_id }} className={style.last}>
              <StateMark state={newest.state} /> <span className="soft"><Instant at={newest.run_after} /> · <Duration span={newest} /></span>
            </Link>
          )}
        </td>
        <td>{dag.is_paused ? <span className="soft">{text.word.never}</span> : <Instant at={dag.next_dagrun_run_after} relative />}</td>
        <td className="number"><ActionIcon aria-label={text.dags.trigger(dag.dag_id)} onClick={onTrigger}><IconPlayerPlay size={16} stroke={1.6} /></ActionIcon></td>
      </tr>
    </DagZoneProvider>
  );
}

function Schedule({ dag }: { readonly dag: ListedDag }) {
  const text = useText();
  if (dag.timetable_summary === null || dag.timetable_summary === 'None') return <span className="soft">{text.dags.noSchedule}</span>;
  return <code title={[dag.timetable_description, dag.timezone].filter(Boolean).join(' · ')}>{dag.timetable_summary}</code>;
}

function ImportErrorBanner() {
  const text = useText();
  const importErrors = useQuery(importErrorsQuery);
  if (importErrors.error !== null) return <Failure failure={importErrors.error} retry={() => void importErrors.refetch()} />;
  const count = importErrors.data?.total_entries ?? 0;
  if (count === 0) return null;
  return (
    <Link to="/import-errors" className={style.banner} data-testid="import-error-banner">
      <IconAlertTriangle size={16} color="var(--state-failed)" aria-hidden />
      <strong>{text.frame.importErrors(count)}</strong>
      <span className="soft">{importErrors.data?.import_errors.map((one) => one.filename).slice(0, 3).join(', ')}</span>
    </Link>
  );
}
