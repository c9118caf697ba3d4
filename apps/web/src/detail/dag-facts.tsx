import type { DagDetails } from '../api/shape.ts';
import { Facts } from '../part/facts.tsx';
import { Instant } from '../part/instant.tsx';
import { useText } from '../text/text.ts';

export function DagFacts({ dag }: { readonly dag: DagDetails }) {
  const text = useText();
  const params = dag.params ?? {};
  return (
    <Facts facts={[
      [text.details.schedule, dag.timetable_summary === null ? text.dags.noSchedule : <><code>{dag.timetable_summary}</code> {dag.timetable_description !== null && dag.timetable_description !== dag.timetable_summary && <span className="soft">{dag.timetable_description}</span>}</>],
      [text.details.timezone, dag.timezone ?? undefined],
      [text.details.nextRun, <Instant at={dag.next_dagrun_run_after} relative />],
      [text.details.startDate, dag.start_date === null ? undefined : <Instant at={dag.start_date} />],
      [text.details.endDate, dag.end_date === null ? undefined : <Instant at={dag.end_date} />],
      [text.details.catchup, dag.catchup ? text.details.yes : text.details.no],
      [text.details.maxActiveRuns, dag.max_active_runs ?? undefined],
      [text.details.maxActiveTasks, dag.max_active_tasks],
      [text.details.runTimeout, dag.dag_run_timeout ?? undefined],
      [text.details.owner, dag.owners.length === 0 ? undefined : dag.owners.join(', ')],
      [text.details.tags, dag.tags.length === 0 ? undefined : dag.tags.map((tag) => tag.name).join(', ')],
      [text.details.file, <code>{dag.relative_fileloc ?? dag.fileloc}</code>],
      [text.details.version, dag.latest_dag_version?.version_number ?? undefined],
      [text.details.parsed, <Instant at={dag.last_parsed_time} relative />],
      [text.details.params, Object.keys(params).length === 0 ? undefined : <pre className="mono">{JSON.stringify(params, null, 2)}</pre>],
      [text.details.doc, dag.doc_md === null ? undefined : <p style={{ whiteSpace: 'pre-line' }}>{dag.doc_md}</p>],
    ]} />
  );
}
