import type { Command } from 'commander';
import { connect, logIn } from '../api/client.ts';
import { getVersion, uiMe } from '@dagbook/api-client';
import { addressOf, findConnection, profilePath, writeProfile } from '../connection.ts';
import { CliFailure } from '../failure.ts';
import { printOne } from '../format/print.ts';
import type { Session } from '../session.ts';

export function addAuthCommands(program: Command, session: Session): void {
  const auth = program.command('auth').description('who you are to a Dagbook');

  auth.command('login')
    .description('log in with a password and keep the token, readable by you alone')
    .option('--username <name>', '', 'admin')
    .option('--password-stdin', 'read the password from stdin instead of asking for it', false)
    .action((options: { username: string; passwordStdin: boolean }) => login(session, options));

  auth.command('whoami').description('the user that commands run as').action(async () => {
    const { client, url } = await session.api();
    printOne(session.terminal, session.format, { ...(await uiMe({ client })), url }, { id: (me) => me.username, columns: { user: (me) => me.username, role: (me) => me.role, at: (me) => me.url } });
  });
}

async function login(session: Session, { username, passwordStdin }: { username: string; passwordStdin: boolean }): Promise<void> {
  const { terminal, options } = session;
  const { url } = findConnection(terminal, options);
  const password = passwordStdin ? (await terminal.readStdin()).replace(/\r?\n$/, '') : await terminal.askSecret(`Password of ${username} at ${url}: `);
  if (password === null) throw new CliFailure('usage', 'There is no terminal to ask for the password on.', 'Hand it in: dagbook auth login --password-stdin < file.');
  const { client } = await connect({ url, credential: { kind: 'none' } }, terminal.signal);
  writeProfile(terminal, { url: addressOf(url), username, token: await logIn(client, username, password) });
  terminal.err(`Logged in at ${url} as ${username}; the token is kept in ${profilePath(terminal)} and is good for an hour.\n`);
}

export function addVersionCommand(program: Command, session: Session, version: string): void {
  program.command('version').description('of this command, and of the Dagbook it speaks to').action(async () => {
    const server = await serverVersion(session);
    printOne(session.terminal, session.format, { cli: version, server }, { id: (one) => one.cli, columns: { cli: (one) => one.cli, server: (one) => one.server } });
  });
}

/** null: none runs here, which is no failure of a question for versions. */
async function serverVersion(session: Session): Promise<string | null> {
  try {
    const { client } = await session.api();
    return (await getVersion({ client })).version;
  } catch (error) {
    if (error instanceof CliFailure && error.kind === 'unreachable') return null;
    throw error;
  }
}
