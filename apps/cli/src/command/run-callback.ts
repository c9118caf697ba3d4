import { uiCallbackLog, uiCallbacks } from '@dagbook/api-client';
import type { Command } from 'commander';
import { type LogLine, printLog } from '../format/log.ts';
import { printRows } from '../format/print.ts';
import { wholeNumber } from '../input.ts';
import type { Session } from '../session.ts';
import { CALLBACK } from '../shape.ts';

interface CallbackOptions {
  readonly log?: number;
  readonly try?: number;
}

export function addCallbackCommand(runs: Command, session: Session): void {
  runs.command('callbacks')
    .argument('<dag>').argument('<run>')
    .description('callbacks that a run asked for and what became of them; or what one of them wrote')
    .option('--log <number>', 'the log of this one', wholeNumber(1, 1_000_000))
    .option('--try <number>', 'of which try; default: its newest', wholeNumber(1, 100))
    .action((dagId: string, runId: string, options: CallbackOptions) => showCallbacks(session, { dag_id: dagId, dag_run_id: runId }, options));
}

async function showCallbacks(session: Session, path: { readonly dag_id: string; readonly dag_run_id: string }, options: CallbackOptions): Promise<void> {
  const { client } = await session.api();
  const { terminal, format } = session;
  if (options.log === undefined) return printRows(terminal, format, (await uiCallbacks({ client, path })).callbacks, CALLBACK);
  const query = options.try === undefined ? {} : { try_number: options.try };
  const { content } = await uiCallbackLog({ client, path: { ...path, callback: String(options.log) }, query });
  if ((await printLog(terminal, format, content as LogLine[])) === 0) terminal.err(`Callback ${options.log} has written nothing yet.\n`);
}
