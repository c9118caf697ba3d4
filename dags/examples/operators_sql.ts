// Postgres: statements, rows as a result, a check, a sensor. Needs the connection `postgres_default`.
import { dag, sql, sqlCheck, sqlSensor } from '@dagbook/sdk';

const d = dag('operators_sql', { startDate: '2026-01-01', tags: ['example', 'operators'], defaults: { retries: 1, retryDelay: '10s' } });

const make = d.task('make', sql({ sql: 'CREATE TABLE IF NOT EXISTS example_orders (day date, amount int); DELETE FROM example_orders' }))();
// Values are never part of the statement.
const load = d.task('load', sql({ sql: "INSERT INTO example_orders SELECT '2026-01-01', n * $1::int FROM generate_series(1, 3) AS n", values: [100] }))().after(make);
const arrived = d.sensor('arrived', sqlSensor({ sql: 'SELECT count(*) FROM example_orders' }), { every: '10s', timeout: '5m' })().after(load);
const check = d.task('check', sqlCheck({ sql: 'SELECT count(*) > 0 AS some, bool_and(amount > 0) AS all_positive FROM example_orders' }))().after(arrived);
const rows = d.task('rows', sql<{ day: string; total: number }>({ sql: 'SELECT day, sum(amount) AS total FROM example_orders GROUP BY day', fetch: 'rows' }))().after(check);
const report = d.task('report', async ({ totals }: { totals: readonly { day: string; total: number }[] }, { log }) => {
  for (const { day, total } of totals) log.info(`${day}: ${total}`);
  return totals.length;
});
report({ totals: rows });
export default d;
