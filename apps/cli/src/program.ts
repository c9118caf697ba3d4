import { Command, CommanderError, Option } from 'commander';
import { addAuthCommands, addVersionCommand } from './command/auth.ts';
import { addBundleCommands } from './command/bundle.ts';
import { addBackfillCommands } from './command/backfill.ts';
import { addDagCommands } from './command/dag.ts';
import { addPoolCommands } from './command/pool.ts';
import { addRunCommands } from './command/run.ts';
import { addSecretCommands } from './command/secret.ts';
import { addStateStoreCommands } from './command/state-store.ts';
import { addTaskCommands } from './command/task.ts';
import { addWorkerCommands } from './command/worker.ts';
import { addDbCommands } from './command/db.ts';
import { CliFailure, EXIT } from './failure.ts';
import { FORMATS } from './format/print.ts';
import { Session, type GlobalOptions } from './session.ts';
import type { Terminal } from './terminal.ts';

/** Carries out one command line and answers its exit code. Data goes to `out`, everything else to `err`; never throws for what a user can cause. */
export async function runCommand(terminal: Terminal, argv: readonly string[], version: string): Promise<number> {
  try {
    await programOf(terminal, version).parseAsync([...argv], { from: 'user' });
    return terminal.signal.aborted ? EXIT.interrupted : EXIT.ok;
  } catch (error) {
    if (terminal.signal.aborted) return EXIT.interrupted;
    // Commander has said what is wrong; asked for help, it has done what it should.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (!(error instanceof CliFailure)) throw error;
    terminal.err(`${error.message}${error.remedy === undefined ? '' : `\n  → ${error.remedy}`}\n`);
    return EXIT[error.kind];
  }
}

function programOf(terminal: Terminal, version: string): Command {
  const program = new Command('dagbook')
    .description('Dagbook from the command line')
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text), getOutHasColors: () => false, getErrHasColors: () => false })
    .showHelpAfterError('(--help says more)')
    .addOption(new Option('-o, --output <format>', 'of the data on stdout').choices(FORMATS).default('table'))
    .option('--url <address>', 'of the Dagbook to speak to; default: DAGBOOK_API_URL, the last login, or the instance on this machine')
    .option('--token <token>', 'instead of a login; DAGBOOK_TOKEN keeps it out of the list of processes')
    .addHelpText('after', '\nExit codes: 0 done, 1 the run or check failed, 2 usage, 3 not allowed or not logged in, 4 not found, 5 not reachable, 130 interrupted.');
  const session = new Session(terminal, () => program.opts<GlobalOptions>());
  addDagCommands(program, session);
  addRunCommands(program, session);
  addTaskCommands(program, session);
  addBackfillCommands(program, session);
  addSecretCommands(program, session);
  addPoolCommands(program, session);
  addWorkerCommands(program, session);
  addBundleCommands(program, session);
  addStateStoreCommands(program, session);
  addDbCommands(program, session);
  addAuthCommands(program, session);
  addVersionCommand(program, session, version);
  return program;
}
