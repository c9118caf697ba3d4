import { createHash } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { deleteDagRun, getDagRuns, type DagRunResponse } from '@dagbook/api-client';
import { type Command, InvalidArgumentError } from 'commander';
import { refusalOf, settled, type Api } from '../api/client.ts';
import { CliFailure } from '../failure.ts';
import { printRows } from '../format/print.ts';
import type { Session } from '../session.ts';
import { RUN } from '../shape.ts';

interface CleanOptions {
  /** Milliseconds. */
  readonly olderThan: number;
  readonly dag?: string;
  readonly archive?: string;
  readonly skipArchive: boolean;
  readonly yes: boolean;
}

const PAGE = 100;
const SUMS = 'SHA256SUMS';
const UNIT_MS = { h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

export function addDbCommands(program: Command, session: Session): void {
  const db = program.command('db').description('what Dagbook keeps');
  db.command('clean')
    .description('archive and erase runs that ended long ago, with their events, results and logs; shows them unless --yes')
    .requiredOption('--older-than <age>', 'since they ended: 90d, 12w, 48h', age)
    .option('--dag <id>', 'only runs of this DAG')
    .option('--archive <folder>', 'where each run is written before it is erased')
    .option('--skip-archive', 'erase without keeping anything', false)
    .option('--yes', 'do it', false)
    .action((options: CleanOptions) => clean(session, options));
}

/**
 * Run after run, oldest first: written to a file of its own, flushed, its checksum noted, and only then erased. Broken off anywhere it is
 * begun again by the same command: what was erased is not found any more, and what was only written is written anew.
 */
async function clean(session: Session, options: CleanOptions): Promise<void> {
  const { terminal, format } = session;
  if (options.yes && options.archive === undefined && !options.skipArchive) {
    throw new CliFailure('usage', 'Nothing says what becomes of the runs before they are erased.', 'Give --archive <folder>, or --skip-archive to keep nothing.');
  }
  const api = await session.api();
  const before = new Date(performance.timeOrigin + performance.now() - options.olderThan).toISOString();
  if (!options.yes) {
    const { dag_runs: runs, total_entries: total } = await ended(api, before, options.dag);
    printRows(terminal, format, runs, RUN);
    terminal.err(`${total} runs ended before ${before}${total > runs.length ? `; the first ${runs.length} are shown` : ''}. Nothing was changed: --yes erases them.\n`);
    return;
  }
  let erased = 0;
  for (;;) {
    const { dag_runs: runs } = await ended(api, before, options.dag);
    if (runs.length === 0) break;
    for (const run of runs) {
      terminal.signal.throwIfAborted();
      if (options.archive !== undefined) await archive(api, run, resolve(terminal.cwd, options.archive));
      settled((await deleteDagRun({ client: api.client, path: { dag_id: run.dag_id, dag_run_id: run.dag_run_id } })) ?? {});
      erased += 1;
    }
    terminal.err(`${erased} runs erased …\n`);
  }
  terminal.out(`${erased} runs that ended before ${before} were erased${options.archive === undefined ? '' : ` and are kept in ${options.archive}`}.\n`);
}

const ended = (api: Api, before: string, dagId = '~') =>
  getDagRuns({ client: api.client, path: { dag_id: dagId }, query: { state: ['success', 'failed'], end_date_lt: before, order_by: ['end_date'], limit: PAGE } });

/** `<folder>/<dag>/<run>.jsonl`, and a line in SHA256SUMS that `sha256sum -c` understands. */
async function archive({ url, token }: Api, { dag_id: dagId, dag_run_id: runId }: DagRunResponse, folder: string): Promise<void> {
  const address = `${url}/api/v2/dags/${encodeURIComponent(dagId)}/dagRuns/${encodeURIComponent(runId)}/archive`;
  const response = await fetch(address, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
  if (!response.ok) throw refusalOf(url, response.status, await response.json().catch(() => undefined));
  const text = await response.text();
  const count = text.split('\n').length - 2;
  const last = text.trimEnd().split('\n').at(-1) ?? '';
  if (!last.startsWith('{"kind":"end"') || (JSON.parse(last) as { lines: number }).lines !== count) throw new CliFailure('unreachable', `The archive of ${dagId} ${runId} came cut short; the run was not erased.`, 'Run the command again.');
  const name = join(encodeURIComponent(dagId), `${encodeURIComponent(runId)}.jsonl`);
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeDurably(path, text);
  const sums = join(folder, SUMS);
  const others = existsSync(sums) ? readFileSync(sums, 'utf8').split('\n').filter((line) => line !== '' && !line.endsWith(`  ${name}`)) : [];
  writeDurably(sums, [...others, `${createHash('sha256').update(text).digest('hex')}  ${name}`, ''].join('\n'));
}

/** On the disk when this returns, whole or as it was before. */
function writeDurably(path: string, text: string): void {
  const unfinished = `${path}.tmp`;
  writeFileSync(unfinished, text);
  for (const flush of [unfinished, dirname(path)]) {
    const file = openSync(flush, 'r');
    fsyncSync(file);
    closeSync(file);
    if (flush === unfinished) renameSync(unfinished, path);
  }
}

function age(text: string): number {
  const match = /^(\d{1,5})([hdw])$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Give a number and h, d or w, such as 90d.');
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
}
