import type { Command } from 'commander';
import {
  cancelBackfill, createBackfill, createBackfillDryRun, listBackfills, pauseBackfill, unpauseBackfill, type BackfillDryRunResponse, type BackfillResponse,
} from '@dagbook/api-client';
import { allPages, settled } from '../api/client.ts';
import { printOne, printRows, type Shape } from '../format/print.ts';
import { collected, collectedOf, readParams, wholeNumber } from '../input.ts';
import type { Session } from '../session.ts';

const BACKFILL: Shape<BackfillResponse> = {
  id: (backfill) => String(backfill.id),
  columns: {
    id: (backfill) => backfill.id,
    dag: (backfill) => backfill.dag_id,
    state: (backfill) => (backfill.is_paused && backfill.state === 'running' ? 'paused' : backfill.state),
    from: (backfill) => backfill.from_date,
    to: (backfill) => backfill.to_date,
    done: (backfill) => `${backfill.created_runs + backfill.reprocessed_runs + backfill.skipped_dates} of ${backfill.dates}`,
    'at once': (backfill) => backfill.max_active_runs,
    reprocess: (backfill) => backfill.reprocess_behavior,
  },
};

const DATE: Shape<BackfillDryRunResponse> = {
  id: (date) => date.logical_date ?? '',
  columns: { 'logical date': (date) => date.logical_date, action: (date) => date.action, run: (date) => date.dag_run_id, state: (date) => date.state },
};

const REPROCESS = ['none', 'failed', 'completed'] as const satisfies readonly BackfillResponse['reprocess_behavior'][];

interface CreateOptions {
  readonly from: string;
  readonly to: string;
  readonly reprocess: readonly (typeof REPROCESS)[number][];
  readonly backwards: boolean;
  readonly maxActiveRuns: number;
  readonly params?: string;
  readonly set: readonly string[];
  readonly yes: boolean;
}

export function addBackfillCommands(program: Command, session: Session): void {
  const backfills = program.command('backfill').description('runs of past dates: make them, follow and stop that');

  backfills.command('create')
    .argument('<dag>')
    .description('make the runs of a range of dates; without --yes: show which')
    .requiredOption('--from <date>', 'the first logical date')
    .requiredOption('--to <date>', 'the last logical date')
    .option('--reprocess <which>', 'of dates that have a run: none, failed (a failed one again) or completed (any that has ended again)', collectedOf(REPROCESS), [])
    .option('--backwards', 'newest date first', false)
    .option('--max-active-runs <number>', 'how many runs at once', wholeNumber(1, 1_000), 10)
    .option('--params <json>', 'of every run; @file.json, @- for stdin')
    .option('--set <name=value>', 'one of the params', collected, [])
    .option('--yes', 'do it', false)
    .action((dagId: string, options: CreateOptions) => create(session, dagId, options));

  backfills.command('list')
    .argument('[dag]', 'default: of every DAG')
    .description('backfills, newest first')
    .option('--active', 'only those that have not ended', false)
    .option('-n, --limit <number>', 'how many at most', wholeNumber(1, 100_000), 25)
    .action((dagId: string | undefined, options: { active: boolean; limit: number }) => list(session, dagId, options));

  const change = (name: string, description: string, ask: typeof pauseBackfill): void => void backfills.command(name)
    .argument('<id>', 'as list shows it', wholeNumber(0, 999_999_999))
    .description(description)
    .action(async (id: number) => {
      const { client } = await session.api();
      printOne(session.terminal, session.format, settled(await ask({ client, path: { backfill_id: id } })), BACKFILL);
    });
  change('pause', 'begin no further run of it', pauseBackfill);
  change('unpause', 'go on with it', unpauseBackfill);
  change('cancel', 'end it: what it has not begun never begins, what runs goes on', cancelBackfill);
}

async function create(session: Session, dagId: string, options: CreateOptions): Promise<void> {
  const { terminal, format } = session;
  const { client } = await session.api();
  const body = {
    dag_id: dagId, from_date: options.from, to_date: options.to, reprocess_behavior: options.reprocess.at(-1) ?? 'none', run_backwards: options.backwards, max_active_runs: options.maxActiveRuns,
    dag_run_conf: await readParams(terminal, options.params, options.set),
  };
  if (options.yes) return printOne(terminal, format, settled(await createBackfill({ client, body })), BACKFILL);
  const { backfills, skipped } = await createBackfillDryRun({ client, body });
  printRows(terminal, format, [...backfills, ...skipped], DATE);
  terminal.err(`Nothing was made. --yes makes these ${backfills.length} runs and leaves ${skipped.length} as they are.\n`);
}

async function list(session: Session, dagId: string | undefined, { active, limit }: { active: boolean; limit: number }): Promise<void> {
  const { client } = await session.api();
  const rows = await allPages(async (page) => {
    const query = { ...page, order_by: ['-id'], ...(dagId === undefined ? {} : { dag_id: dagId }), ...(active ? { active: true } : {}) };
    const { backfills, total_entries: total } = await listBackfills({ client, query });
    return { rows: backfills, total };
  }, limit);
  printRows(session.terminal, session.format, rows, BACKFILL);
}
