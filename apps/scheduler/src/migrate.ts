import { join } from 'node:path';
import { createPool, giveServiceRights, type JournalService, migrate, type ServiceUser } from '@dagbook/event-store';
import { CLUSTER_SETTINGS, readSettings, type Setting, text } from '@dagbook/platform';

const ofService = (service: JournalService): Setting<ServiceUser | undefined> => ({
  env: `DAGBOOK_DATABASE_${service.replace(/^.*-/, '').toUpperCase()}_URL`,
  says: `what ${service} has as DAGBOOK_DATABASE_URL, when it is a user of its own: it is made, and given the rights that it needs`,
  parse: (value) => {
    const { username, password } = new URL(text(value));
    if (username === '' || password === '') throw new Error('holds no user, or no password');
    return { service, user: decodeURIComponent(username), password: decodeURIComponent(password) };
  },
  fallback: undefined,
  secret: true,
});

/** Brings the database forward, once, before the services of a new version start. Safe to run again, and by two at a time. */
async function bringForward(): Promise<string> {
  const { databaseUrl, ...users } = readSettings(
    { databaseUrl: CLUSTER_SETTINGS.databaseUrl, scheduler: ofService('scheduler'), dispatcher: ofService('dispatcher'), gateway: ofService('api-gateway') },
    process.env,
  );
  const pool = createPool({ url: databaseUrl, maxConnections: 1 });
  try {
    const applied = await migrate(pool, join(process.env['DAGBOOK_ROOT'] ?? process.cwd(), 'deploy/migrations'));
    await giveServiceRights(pool, Object.values(users).filter((user) => user !== undefined));
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
