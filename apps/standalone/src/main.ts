import { accessSync, constants, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PartFault } from '@dagbook/parts';
import { createLog, type Log } from '@dagbook/platform';
import { showDemo } from './demo.ts';
import { leaveIfImpatient } from './impatience.ts';
import { localSecrets, writePrivately, type LocalSecrets } from './secret-file.ts';
import { startStandalone, type Standalone } from './standalone.ts';
import { readStartOptions, type StartOptions } from './start-options.ts';

const root = process.env['DAGBOOK_ROOT'] ?? process.cwd();
const version = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
const options = readStartOptions(process.argv.slice(2), root);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Everything that can be wrong with a machine ends here: a sentence, what to do, and no stack trace. */
function giveUp(sentence: string, remedy?: string): never {
  process.stderr.write(`\n${sentence}${remedy === undefined ? '' : `\n  → ${remedy}`}\n`);
  process.exit(1);
}

function prepareDataFolder({ dataDir }: StartOptions): void {
  try {
    mkdirSync(join(dataDir, 'log'), { recursive: true });
    accessSync(dataDir, constants.W_OK);
    const probe = join(dataDir, `.probe-${process.pid}`);
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    giveUp(`The data folder ${dataDir} cannot be written to (${code ?? 'unknown'}).`, 'Choose another with --data <folder>, or give this user the right to write there.');
  }
}

async function start(secrets: LocalSecrets, log: Log): Promise<Standalone> {
  try {
    return await startStandalone(options, secrets, { root, version }, log);
  } catch (error) {
    const { code, message, port } = error as Error & { code?: string; port?: number };
    if (code === 'EADDRINUSE') giveUp(`Port ${port ?? options.port} is in use.`, `Stop what listens there, or choose another: npm start -- --port ${(port ?? options.port) + 1} (0 picks a free one).`);
    if (code === 'EACCES') giveUp(`Port ${options.port} may not be opened by this user.`, 'Choose one above 1023 with --port.');
    if (error instanceof PartFault) giveUp(message);
    log.error('could not start', { code, message, stack: (error as Error).stack });
    giveUp(`Dagbook could not start: ${message}`, `Its log says more: ${join(options.dataDir, 'log', 'dagbook.jsonl')}`);
  }
}

prepareDataFolder(options);
const log = createLog({ destination: join(options.dataDir, 'log', 'dagbook.jsonl'), level: process.env['DAGBOOK_LOG_LEVEL'] ?? 'info' });
const secrets = localSecrets(options.dataDir);
const standalone = await start(secrets, log);
const runtimeFile = join(options.dataDir, 'runtime.json');
writePrivately(runtimeFile, JSON.stringify({ pid: process.pid, url: standalone.gateway.url, databaseUrl: standalone.databaseUrl, healthUrl: standalone.healthUrl }));

const stopping = new AbortController();
let stoppingSinceMs: number | undefined;
async function stop(): Promise<void> {
  if (stoppingSinceMs !== undefined) return leaveIfImpatient(stoppingSinceMs);
  stoppingSinceMs = performance.now();
  stopping.abort();
  say('\ndraining …');
  rmSync(runtimeFile, { force: true });
  await standalone.stop();
  process.exit(0);
}
process.on('SIGINT', () => void stop());
process.on('SIGTERM', () => void stop());
process.on('SIGHUP', () => void stop());

say(`Dagbook ${version} is up: ${standalone.gateway.url}`);
say(`  log in once with   ${standalone.gateway.loginLink('admin')}`);
say(`  or as admin        password in ${join(options.dataDir, 'admin-password')}`);
if (options.demo) await showDemo({ url: standalone.gateway.url, adminPassword: secrets.adminPassword, events: standalone.stores.events, say, log }, stopping.signal);
if (!stopping.signal.aborted) say('Serving until Ctrl-C.');
