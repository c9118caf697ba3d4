// One file, several DAGs: the same report for each stakeholder, from a table.
import { dag } from '@dagbook/sdk';

const STAKEHOLDERS = [
  { id: 'finance', timezone: 'Asia/Seoul', metrics: ['revenue', 'cost'] },
  { id: 'marketing', timezone: 'Europe/Zurich', metrics: ['clicks', 'leads', 'reach'] },
] as const;

export default STAKEHOLDERS.map(({ id, timezone, metrics }) => {
  const d = dag(`stakeholder_report_${id}`, { schedule: '0 7 * * 1-5', timezone, startDate: '2025-01-01', catchup: false, tags: ['example', 'report'] });
  const rows = metrics.map((metric) => d.task(`read_${metric}`, async (_, { ds }) => ({ metric, day: ds, value: metric.length * 100 }))());
  d.task('report', async ({ read }: { read: { metric: string; value: number }[] }, { log }) => {
    for (const { metric, value } of read) log.info(`${metric}: ${value}`);
    return read.length;
  })({ read: rows });
  return d;
});
