import { Link } from '@tanstack/react-router';
import type { LatestRun } from '../api/shape.ts';
import { useZone } from '../frame/zone.tsx';
import { duration, shortInstant } from '../model/time-format.ts';
import { useText } from '../text/text.ts';
import { spanOf } from './instant.tsx';
import style from './run-strip.module.css';

const BAR_PX = 22;
const LEAST_PX = 4;

/** The last runs of a DAG as bars, newest right: height is duration, colour is state; each opens its run. */
export function RunStrip({ dagId, runs, slots }: { readonly dagId: string; readonly runs: readonly LatestRun[]; readonly slots: number }) {
  const text = useText();
  const zone = useZone();
  const spans = runs.map((run) => spanOf(run, Date.now()) ?? 0);
  const longest = Math.max(1, ...spans);
  return (
    <span className={style.strip} data-testid="run-strip">
      {Array.from({ length: Math.max(0, slots - runs.length) }, (_, slot) => <span key={slot} className={style.slot}><span className={style.none} /></span>)}
      {runs.map((run, position) => {
        const spanMs = spans[position] ?? 0;
        const label = `${shortInstant(Date.parse(run.run_after), zone)} · ${text.state[run.state]} · ${duration(spanMs)}`;
        return (
          <Link key={run.dag_run_id} to="/dags/$dagId/runs/$runId" params={{ dagId, runId: run.dag_run_id }} className={style.slot} title={label} aria-label={label}>
            <span className={style.bar} data-state={run.state} style={{ height: Math.max(LEAST_PX, (spanMs / longest) * BAR_PX), background: `var(--state-${run.state})` }} />
          </Link>
        );
      })}
    </span>
  );
}
