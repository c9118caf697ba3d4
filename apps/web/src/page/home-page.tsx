import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { healthQuery, importErrorsQuery, runsQuery, unpausedDagsQuery } from '../api/query.ts';
import type { RunState } from '../model/task-state.ts';
import { Duration, Instant } from '../part/instant.tsx';
import { StateIcon } from '../part/state-mark.tsx';
import { Reading } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './home-page.module.css';

const SHOWN = 8;

/** What needs a look first: failures, what runs now, what comes next. Every number leads to the list that it counts. */
export function HomePage() {
  const text = useText();
  const importErrors = useQuery(importErrorsQuery);
  const errorCount = importErrors.data?.total_entries ?? 0;
  return (
    <div className={style.page}>
      <HealthLine />
      {errorCount > 0 && <p className={style.errors}><Link to="/import-errors">{text.frame.importErrors(errorCount)}</Link></p>}
      <div className={style.columns}>
        <Runs state="failed" title={text.home.failed} nothing={text.home.noFailed} />
        <Runs state="running" title={text.home.running} nothing={text.home.noRunning} />
        <NextRuns />
      </div>
    </div>
  );
}

function Section({ title, link, children }: { readonly title: ReactNode; readonly link?: ReactNode; readonly children: ReactNode }) {
  return (
    <section className={style.section}>
      <header className={style.head}><h2>{title}</h2>{link}</header>
      {children}
    </section>
  );
}

function Runs({ state, title, nothing }: { readonly state: RunState; readonly title: string; readonly nothing: string }) {
  const text = useText();
  const runs = useQuery(runsQuery({ state, page: 0 }));
  const total = runs.data?.total_entries;
  return (
    <Section title={<><StateIcon state={state} size={16} /> {title}</>} link={total !== undefined && total > 0 && <Link to="/runs" search={{ state }} data-testid={`home-${state}`}>{total > SHOWN ? `${text.home.seeAll} ${total}` : total}</Link>}>
      <Reading read={runs} rows={3}>
        {({ dag_runs }) => (dag_runs.length === 0 ? <p className={`soft ${style.nothing}`}>{nothing}</p> : (
          <ul>
            {dag_runs.slice(0, SHOWN).map((run) => (
              <li key={`${run.dag_id}/${run.dag_run_id}`} className={style.line}>
                <Link to="/dags/$dagId/runs/$runId" params={{ dagId: run.dag_id, runId: run.dag_run_id }}>{run.dag_id}</Link>
                <span className="soft"><Instant at={run.run_after} /></span>
                <span><Duration span={run} /></span>
              </li>
            ))}
          </ul>
        ))}
      </Reading>
    </Section>
  );
}

function NextRuns() {
  const text = useText();
  const dags = useQuery(unpausedDagsQuery);
  return (
    <Section title={text.home.nextRuns}>
      <Reading read={dags} rows={3}>
        {(found) => {
          const due = found.dags.flatMap((dag) => (dag.next_dagrun_run_after === null ? [] : [{ id: dag.dag_id, at: dag.next_dagrun_run_after }])).sort((a, b) => a.at.localeCompare(b.at));
          if (due.length === 0) return <p className={`soft ${style.nothing}`}>{text.home.noNext}</p>;
          return (
            <ul>
              {due.slice(0, SHOWN).map(({ id, at }) => (
                <li key={id} className={style.line}><Link to="/dags/$dagId" params={{ dagId: id }}>{id}</Link><span><Instant at={at} relative /></span></li>
              ))}
            </ul>
          );
        }}
      </Reading>
    </Section>
  );
}

function HealthLine() {
  const text = useText();
  const health = useQuery(healthQuery);
  return (
    <Reading read={health} rows={1}>
      {(services) => (
        <p className={style.health} aria-label={text.home.health}>
          {Object.entries(services).map(([name, info]) => {
            const healthy = info?.status === 'healthy';
            return info?.status == null ? null : (
              <span key={name} className={style.service} data-healthy={healthy}>
                <span className={style.dot} aria-hidden />{name.replaceAll('_', ' ')} <span className="soft">{healthy ? text.home.healthy : text.home.unhealthy}</span>
              </span>
            );
          })}
        </p>
      )}
    </Reading>
  );
}
