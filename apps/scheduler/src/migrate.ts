import { join } from 'node:path';
import { createPool, migrate } from '@dagbook/event-store';
import { CLUSTER_SETTINGS, readSettings } from '@dagbook/platform';

/** Brings the database forward, once, before the services of a new version start. Safe to run again, and by two at a time. */
async function bringForward(): Promise<string> {
  const { databaseUrl } = readSettings({ databaseUrl: CLUSTER_SETTINGS.databaseUrl }, process.env);
  const pool = createPool({ url: databaseUrl, maxConnections: 1 });
  try {
    const applied = await migrate(pool, join(process.env['DAGBOOK_ROOT'] ?? process.cwd(), 'deploy/migrations'));
    return applied.length === 0 ? 'the database is up to date\n' : `applied ${applied.join(', ')}\n`;
  } finally {
    await pool.end();
  }
}

await bringForward().then(
  (said) => process.stdout.write(said),
  (error: unknown) => {
    process.stderr.write(`migrate: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
