import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  bulkConnections, bulkVariables, deleteConnection, deleteVariable, getConnection, getConnections, getVariable, getVariables, testConnection, rotateSecrets,
  type BulkResponse, type ConnectionBody, type ConnectionResponse, type VariableResponse,
} from '@dagbook/api-client';
import { type Command, Option } from 'commander';
import { allPages } from '../api/client.ts';
import { CliFailure } from '../failure.ts';
import { printOne, printRows, type Shape } from '../format/print.ts';
import { wholeNumber } from '../input.ts';
import { connectionBody, readConnections, readInput, readVariables } from '../secret-file.ts';
import type { Session } from '../session.ts';

const CONNECTION: Shape<ConnectionResponse> = {
  id: (connection) => connection.connection_id,
  columns: {
    connection: (connection) => connection.connection_id,
    type: (connection) => connection.conn_type,
    host: (connection) => connection.host,
    port: (connection) => connection.port,
    schema: (connection) => connection.schema,
    login: (connection) => connection.login,
    password: (connection) => connection.password,
    extra: (connection) => connection.extra,
    description: (connection) => connection.description,
  },
};

const VARIABLE: Shape<VariableResponse> = {
  id: (variable) => variable.key,
  columns: { variable: (variable) => variable.key, value: (variable) => variable.value, description: (variable) => variable.description },
};

const EXISTING = ['skip', 'overwrite', 'fail'] as const;
type OnExisting = (typeof EXISTING)[number];
const onExisting = (fallback: OnExisting): Option =>
  new Option('-a, --action-on-existing-key <action>', 'what becomes of one that is there').choices(EXISTING).default(fallback);
const format = (): Option => new Option('--format <format>', 'of the file; default: as its name ends').choices(['json', 'yaml', 'env']);

interface ImportOptions {
  readonly actionOnExistingKey: OnExisting;
  readonly format?: string;
}

export function addSecretCommands(program: Command, session: Session): void {
  addConnectionCommands(program.command('connections').description('stored connections; their secrets are never shown'), session);
  addVariableCommands(program.command('variables').description('stored variables; values of sensitive keys are never shown'), session);
  program.command('secrets').description('the keys that connections and variables are stored under')
    .command('rotate')
    .description('seal every connection and variable with the first of the gateway\'s DAGBOOK_SECRETS_KEYS')
    .action(async () => {
      const { client } = await session.api();
      const { resealed, total, key_id: keyId } = await rotateSecrets({ client });
      session.terminal.out(`${resealed} of ${total} were sealed anew; all are under the key ${keyId} now.\n`);
    });
}

function addConnectionCommands(connections: Command, session: Session): void {
  connections.command('list').description('all of them').action(async () => printRows(session.terminal, session.format, await allConnections(session), CONNECTION));

  connections.command('get').argument('<connection>').description('one, without its secrets').action(async (id: string) => {
    const { client } = await session.api();
    printOne(session.terminal, session.format, await getConnection({ client, path: { connection_id: id } }), CONNECTION);
  });

  connections.command('set')
    .argument('<connection>')
    .description('store one, whatever is there; secrets come from a file, from stdin or by a question, never from the command line')
    .option('--from <file>', 'a URI or a JSON object, as in DAGBOOK_CONN_<ID>; - is stdin')
    .option('--conn-type <type>', 'postgres, aws, http …')
    .option('--description <text>')
    .option('--host <host>')
    .option('--login <login>')
    .option('--port <port>', 'a number', wholeNumber(0, 65_535))
    .option('--schema <schema>')
    .option('--extra <file>', 'a file with a JSON object; - is stdin')
    .option('--password-stdin', 'the password is read from stdin; without it a terminal asks for it', false)
    .action((id: string, options: SetOptions) => setConnection(session, id, options));

  connections.command('test')
    .argument('<connection>')
    .option('--queue <queue>', 'whose worker connects', 'default')
    .description('have a worker use a stored connection; exit code 1 when it cannot. Off unless the gateway has DAGBOOK_CONNECTIONS_TEST=Enabled')
    .action((id: string, { queue }: { queue: string }) => testStored(session, id, queue));

  connections.command('delete').argument('<connection>').description('delete one').action(async (id: string) => {
    const { client } = await session.api();
    await deleteConnection({ client, path: { connection_id: id } });
  });

  connections.command('import')
    .argument('<file>', 'what `airflow connections export` wrote (JSON, YAML, env); - is stdin')
    .description('store every connection of a file')
    .addOption(onExisting('skip')).addOption(format())
    .action(async (path: string, options: ImportOptions) => {
      const entities = await readConnections(session.terminal, path, options.format);
      const { client } = await session.api();
      await inPieces(entities, async (piece) => told(session, await bulkConnections({ client, body: { actions: [createAction(piece, options)] } })));
    });

  connections.command('export')
    .argument('<file>', '- is stdout')
    .description('write every connection as JSON that `import` reads; secrets are *** in it, which an import over the same connections leaves as they are')
    .action(async (path: string) => {
      const rows = await allConnections(session);
      const members = rows.map(({ connection_id: id, team_name: _, ...fields }) => [id, fields] as const);
      writeOut(session, path, Object.fromEntries(members));
    });
}

function addVariableCommands(variables: Command, session: Session): void {
  variables.command('list').description('all of them').action(async () => printRows(session.terminal, session.format, await allVariables(session), VARIABLE));

  variables.command('get').argument('<key>').description('one').action(async (key: string) => {
    const { client } = await session.api();
    const variable = await getVariable({ client, path: { variable_key: key } });
    if (session.format === 'table') session.terminal.out(`${variable.value}\n`);
    else printOne(session.terminal, session.format, variable, VARIABLE);
  });

  variables.command('set')
    .argument('<key>')
    .argument('[value]', 'left out: it is read from stdin, or asked for, as a secret should be')
    .option('--description <text>')
    .description('store one, whatever is there')
    .action(async (key: string, given: string | undefined, { description }: { description?: string }) => {
      const value = given ?? (await session.terminal.askSecret(`Value of ${key}: `)) ?? (await session.terminal.readStdin()).replace(/\r?\n$/, '');
      const { client } = await session.api();
      const entity = { key, value, ...(description === undefined ? {} : { description }) };
      told(session, await bulkVariables({ client, body: { actions: [createAction([entity], { actionOnExistingKey: 'overwrite' })] } }), false);
    });

  variables.command('delete').argument('<key>').description('delete one').action(async (key: string) => {
    const { client } = await session.api();
    await deleteVariable({ client, path: { variable_key: key } });
  });

  variables.command('import')
    .argument('<file>', 'what `airflow variables export` wrote (JSON, YAML, env); - is stdin')
    .description('store every variable of a file')
    .addOption(onExisting('overwrite')).addOption(format())
    .action(async (path: string, options: ImportOptions) => {
      const entities = await readVariables(session.terminal, path, options.format);
      const { client } = await session.api();
      await inPieces(entities, async (piece) => told(session, await bulkVariables({ client, body: { actions: [createAction(piece, options)] } })));
    });

  variables.command('export')
    .argument('<file>', '- is stdout')
    .description('write every variable as JSON that `import` reads; values of sensitive keys are *** in it')
    .action(async (path: string) => {
      const rows = await allVariables(session);
      writeOut(session, path, Object.fromEntries(rows.map(({ key, value, description }) => [key, description === null ? value : { value, description }])));
    });
}

/** The secrets stay where they are: what the API shows as `***` stands for what it has stored. */
async function testStored(session: Session, id: string, queue: string): Promise<void> {
  const { client } = await session.api();
  const { team_name: _, ...body } = await getConnection({ client, path: { connection_id: id } });
  const outcome = await testConnection({ client, query: { queue }, body });
  printOne(session.terminal, session.format, outcome, { id: () => id, columns: { connection: () => id, state: ({ status }) => (status ? 'success' : 'failed'), why: ({ message }) => message } });
  if (!outcome.status) throw new CliFailure('failed', `The connection ${id} does not work: ${outcome.message}`);
}

async function allConnections(session: Session): Promise<ConnectionResponse[]> {
  const { client } = await session.api();
  return allPages(async (page) => {
    const { connections: rows, total_entries: total } = await getConnections({ client, query: page });
    return { rows, total };
  });
}

async function allVariables(session: Session): Promise<VariableResponse[]> {
  const { client } = await session.api();
  return allPages(async (page) => {
    const { variables: rows, total_entries: total } = await getVariables({ client, query: page });
    return { rows, total };
  });
}

interface SetOptions {
  readonly from?: string;
  readonly connType?: string;
  readonly description?: string;
  readonly host?: string;
  readonly login?: string;
  readonly port?: number;
  readonly schema?: string;
  readonly extra?: string;
  readonly passwordStdin: boolean;
}

async function setConnection(session: Session, id: string, options: SetOptions): Promise<void> {
  const { terminal } = session;
  const { from, connType, extra, passwordStdin, ...fields } = options;
  if (from === undefined && connType === undefined) throw new CliFailure('usage', 'A connection needs a type.', 'Give --conn-type, or the whole connection by --from <file>.');
  if ([from === '-', extra === '-', passwordStdin].filter(Boolean).length > 1) throw new CliFailure('usage', 'Only one thing can be read from stdin.');
  const given: ConnectionBody = from === undefined ? { connection_id: id, conn_type: connType as string } : connectionBody(id, (await readInput(terminal, from)).trim());
  const password = passwordStdin ? (await terminal.readStdin()).replace(/\r?\n$/, '') : from === undefined ? await terminal.askSecret(`Password of ${id} (none: Enter): `) : null;
  const body: ConnectionBody = {
    ...given, ...fields, ...(connType === undefined ? {} : { conn_type: connType }),
    ...(extra === undefined ? {} : { extra: await readInput(terminal, extra) }),
    ...(password === null || password === '' ? {} : { password }),
  };
  const { client } = await session.api();
  told(session, await bulkConnections({ client, body: { actions: [createAction([body], { actionOnExistingKey: 'overwrite' })] } }), false);
}

const createAction = (entities: readonly object[], { actionOnExistingKey }: Pick<ImportOptions, 'actionOnExistingKey'>): { [name: string]: unknown } =>
  ({ action: 'create', action_on_existence: actionOnExistingKey, entities });

/** What one request takes. */
const PIECE = 200;

async function inPieces<Entity>(entities: readonly Entity[], send: (piece: readonly Entity[]) => Promise<void>): Promise<void> {
  for (let at = 0; at < entities.length; at += PIECE) await send(entities.slice(at, at + PIECE));
}

/** Says what was stored; what was refused ends the command. */
function told({ terminal }: Session, { create }: BulkResponse, says = true): void {
  const { success = [], errors = [] } = create ?? {};
  if (says && success.length > 0) terminal.out(`${success.map((id) => `stored ${id}`).join('\n')}\n`);
  if (errors.length > 0) throw new CliFailure('failed', (errors as readonly { error?: string }[]).map(({ error }) => error ?? 'unknown').join('\n'));
}

function writeOut({ terminal }: Session, path: string, members: object): void {
  const text = `${JSON.stringify(members, null, 2)}\n`;
  if (path === '-') return terminal.out(text);
  writeFileSync(resolve(terminal.cwd, path), text, { mode: 0o600 });
  terminal.err(`Secrets are *** in ${path}: Dagbook gives none away. Keep the values where they came from.\n`);
}
