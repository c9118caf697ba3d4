import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { bulkPools, deletePool, getPool, getPools, type PoolResponse } from '@dagbook/api-client';
import type { Command } from 'commander';
import { allPages, settled } from '../api/client.ts';
import { CliFailure } from '../failure.ts';
import { printOne, printRows, type Shape } from '../format/print.ts';
import { wholeNumber } from '../input.ts';
import { readInput } from '../secret-file.ts';
import type { Session } from '../session.ts';

const slotsText = (slots: number): number | string => (slots === -1 ? 'no limit' : slots);

const POOL: Shape<PoolResponse> = {
  id: (pool) => pool.name,
  columns: {
    pool: (pool) => pool.name,
    slots: (pool) => slotsText(pool.slots),
    open: (pool) => slotsText(pool.open_slots),
    running: (pool) => pool.running_slots,
    queued: (pool) => pool.queued_slots,
    scheduled: (pool) => pool.scheduled_slots,
    deferred: (pool) => `${pool.deferred_slots}${pool.include_deferred ? ' (counted)' : ''}`,
    description: (pool) => pool.description,
  },
};

export function addPoolCommands(program: Command, session: Session): void {
  const pools = program.command('pools').description('how many slots tasks of a kind share');

  pools.command('list').description('all of them, and how full they are').action(async () => printRows(session.terminal, session.format, await allPools(session), POOL));

  pools.command('get').argument('<pool>').description('one').action((name: string) => show(session, name));

  pools.command('set')
    .argument('<pool>').argument('<slots>', '-1: no limit', wholeNumber(-1, 999_999_999)).argument('[description]')
    .option('--include-deferred', 'deferred tasks hold their slots on', false)
    .description('declare one, whatever is there')
    .action(async (name: string, slots: number, description: string | undefined, { includeDeferred }: { includeDeferred: boolean }) => {
      await store(session, [{ name, slots, description: description ?? null, include_deferred: includeDeferred }]);
      await show(session, name);
    });

  pools.command('delete').argument('<pool>').description('delete one; tasks that name it wait until it is there again').action(async (name: string) => {
    const { client } = await session.api();
    settled(((await deletePool({ client, path: { pool_name: name } })) ?? {}) as object);
  });

  pools.command('import').argument('<file>', 'what `airflow pools export` wrote (JSON); - is stdin').description('declare every pool of a file, whatever is there').action(async (path: string) => {
    const entities = poolsIn(path, await readInput(session.terminal, path));
    for (const name of await store(session, entities)) session.terminal.out(`stored ${name}\n`);
  });

  pools.command('export').argument('<file>', '- is stdout').description('write every pool as JSON that `import` reads').action(async (path: string) => {
    const members = (await allPools(session)).map(({ name, slots, description, include_deferred: includeDeferred }) => [name, { slots, description: description ?? '', include_deferred: includeDeferred }]);
    const text = `${JSON.stringify(Object.fromEntries(members), null, 2)}\n`;
    if (path === '-') session.terminal.out(text);
    else writeFileSync(resolve(session.terminal.cwd, path), text);
  });
}

interface NamedPool {
  readonly name: string;
  readonly slots: number;
  readonly description: string | null;
  readonly include_deferred: boolean;
}

async function show(session: Session, name: string): Promise<void> {
  const { client } = await session.api();
  printOne(session.terminal, session.format, await getPool({ client, path: { pool_name: name } }), POOL);
}

async function allPools(session: Session): Promise<PoolResponse[]> {
  const { client } = await session.api();
  return allPages(async (page) => {
    const { pools: rows, total_entries: total } = await getPools({ client, query: page });
    return { rows, total };
  });
}

/** Names of those that were stored; what was refused ends the command. */
async function store(session: Session, entities: readonly NamedPool[]): Promise<readonly string[]> {
  const { client } = await session.api();
  const { create } = await bulkPools({ client, body: { actions: [{ action: 'create', action_on_existence: 'overwrite', entities }] } });
  const errors = (create?.errors ?? []) as readonly { error?: string }[];
  if (errors.length > 0) throw new CliFailure('failed', errors.map(({ error }) => error ?? 'unknown').join('\n'));
  return create?.success ?? [];
}

/** `{"db": {"slots": 5, "description": "", "include_deferred": false}}`. */
function poolsIn(path: string, text: string): NamedPool[] {
  const remedy = 'It is like {"db": {"slots": 5, "description": "", "include_deferred": false}}.';
  let members: unknown;
  try {
    members = JSON.parse(text);
  } catch (error) {
    throw new CliFailure('usage', `${path} is no JSON: ${(error as Error).message}.`, remedy);
  }
  if (typeof members !== 'object' || members === null || Array.isArray(members)) throw new CliFailure('usage', `${path} is no JSON object.`, remedy);
  return Object.entries(members).map(([name, given]) => {
    const { slots, description, include_deferred: includeDeferred } = (given ?? {}) as { slots?: unknown; description?: unknown; include_deferred?: unknown };
    if (typeof slots !== 'number' || !Number.isInteger(slots)) throw new CliFailure('usage', `The pool ${name} in ${path} has no whole number of slots.`, remedy);
    return { name, slots, description: typeof description === 'string' && description !== '' ? description : null, include_deferred: includeDeferred === true };
  });
}
