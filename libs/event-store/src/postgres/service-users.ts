import type pg from 'pg';
import { StoreFault } from '../port.ts';

/** What a service may do in the journal's database. Tables that no line names are for all to write. */
const SERVICES = {
  scheduler: { reads: ['schema_migrations', 'dispatcher_term'], ownsSchemas: [], events: { insert: 'true', delete: null } },
  dispatcher: { reads: ['schema_migrations', 'bundles', 'task_states', 'asset_states'], ownsSchemas: [], events: { insert: 'true', delete: null } },
  // It alone builds read models, keeps people's sessions, and erases runs that an event says are erased.
  'api-gateway': {
    reads: ['schema_migrations', 'dispatcher_term', 'attempt_leases', 'open_runs'], ownsSchemas: ['rm', 'gateway'],
    events: { insert: `stream_id LIKE 'connection-%' OR stream_id LIKE 'variable-%'`, delete: 'true' },
  },
} as const;

export type JournalService = keyof typeof SERVICES;

export interface ServiceUser {
  readonly service: JournalService;
  /** Of the service's own connection string. */
  readonly user: string;
  readonly password: string;
}

/**
 * Gives each service a database user of its own with no more rights than it needs, as the owner of the database (who
 * needs CREATEROLE). Repeating it changes nothing, but for the password when that is another; rights that a service has
 * no more are taken. Call after `migrate`. Fails with `store.refused` where the user may not make others.
 */
export async function giveServiceRights(pool: pg.Pool, users: readonly ServiceUser[]): Promise<void> {
  if (users.length === 0) return;
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('dagbook migrations', 0))`);
    // What is there already is left, since changing it waits for everybody who reads.
    const { rows } = await client.query<{ guarded: boolean }>(`SELECT relrowsecurity AS guarded FROM pg_class WHERE oid = 'public.events'::regclass`);
    if (rows[0]?.guarded !== true) await client.query('ALTER TABLE events ENABLE ROW LEVEL SECURITY');
    await policy(client, 'read by all', 'SELECT', 'PUBLIC', 'USING (true)');
    for (const user of users) await giveRights(client, user);
    await client.query('COMMIT');
    client.release();
  } catch (error) {
    client.release(true);
    if ((error as { code?: string }).code !== '42501') throw error;
    throw new StoreFault('store.refused', `The database's user may not make users for the services (${(error as Error).message}). Give it CREATEROLE, or leave the services' own connection strings out.`, { retryable: false, cause: error });
  }
}

async function giveRights(client: pg.PoolClient, { service, user, password }: ServiceUser): Promise<void> {
  const { reads, ownsSchemas, events } = SERVICES[service];
  const run = async (statement: string, ...names: readonly string[]): Promise<void> => {
    const { rows } = await client.query<{ sql: string }>(`SELECT format($1, VARIADIC $2::text[]) AS sql`, [statement, names]);
    await client.query(rows[0]!.sql);
  };
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [user]);
  if (rowCount === 0) await run('CREATE ROLE %I', user);
  await run('ALTER ROLE %I LOGIN PASSWORD %L', user, password);
  await run('GRANT %I TO CURRENT_USER', user);
  await run('GRANT USAGE ON SCHEMA public TO %I', user);
  await run('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM %I', user);
  await run('GRANT SELECT ON ALL TABLES IN SCHEMA public TO %I', user);
  await run('GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO %I', user);
  const { rows: tables } = await client.query<{ name: string }>(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'events'`);
  for (const { name } of tables) if (!(reads as readonly string[]).includes(name)) await run('GRANT INSERT, UPDATE, DELETE ON public.%I TO %I', name, user);
  await run(`GRANT INSERT${events.delete === null ? '' : ', DELETE'} ON public.events TO %I`, user);
  await policy(client, `appended by ${service}`, 'INSERT', user, `WITH CHECK (${events.insert})`);
  if (events.delete !== null) await policy(client, `erased by ${service}`, 'DELETE', user, `USING (${events.delete})`);
  for (const schema of ownsSchemas) await own(client, run, schema, user);
}

/** It makes the schema anew when it rebuilds what is in it. */
async function own(client: pg.PoolClient, run: (statement: string, ...names: readonly string[]) => Promise<void>, schema: string, user: string): Promise<void> {
  await run('GRANT CREATE ON DATABASE %I TO %I', (await client.query<{ name: string }>('SELECT current_database() AS name')).rows[0]!.name, user);
  await run('ALTER SCHEMA %I OWNER TO %I', schema, user);
  const { rows } = await client.query<{ name: string }>('SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 AND tableowner <> $2', [schema, user]);
  for (const { name } of rows) await run('ALTER TABLE %I.%I OWNER TO %I', schema, name, user);
}

async function policy(client: pg.PoolClient, name: string, command: string, role: string, rule: string): Promise<void> {
  const { rowCount } = await client.query(`SELECT FROM pg_policies WHERE schemaname = 'public' AND tablename = 'events' AND policyname = $1 AND roles = ARRAY[lower($2)::name]`, [name, role]);
  if (rowCount !== 0) return;
  const { rows } = await client.query<{ name: string; role: string }>('SELECT quote_ident($1) AS name, quote_ident($2) AS role', [name, role]);
  const [quoted] = rows;
  await client.query(`DROP POLICY IF EXISTS ${quoted?.name} ON public.events`);
  await client.query(`CREATE POLICY ${quoted?.name} ON public.events FOR ${command} TO ${role === 'PUBLIC' ? role : quoted?.role} ${rule}`);
}
