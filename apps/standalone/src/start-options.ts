import { resolve } from 'node:path';
import { type BundleConfig, readBundles } from '@dagbook/bundles';
import { pools } from '@dagbook/platform';
import { Command, InvalidArgumentError } from 'commander';

export interface StartOptions {
  /** 0: a free one. */
  readonly port: number;
  readonly host: string;
  readonly dataDir: string;
  readonly dagsDir: string;
  /** Of DAGBOOK_BUNDLES; empty: the DAG folder. */
  readonly bundles: readonly BundleConfig[];
  readonly slots: number;
  readonly timezone: string;
  readonly pools: ReturnType<typeof pools>;
  readonly demo: boolean;
  readonly examples: boolean;
}

/** What `npm start -- …` understands. Exits by itself after `--help` and for what it does not understand. */
export function readStartOptions(argv: readonly string[], root: string): StartOptions {
  const program = new Command('npm start --')
    .description('Dagbook in one process: scheduler, dispatcher, worker, log-server and api-gateway on an embedded Postgres.\nCtrl-C drains and exits.')
    .option('-p, --port <number>', 'port of the web UI and the REST API; 0 picks a free one', portNumber, 8080)
    .option('--host <address>', 'address to listen on; 0.0.0.0 lets other machines in', '127.0.0.1')
    .option('--data <folder>', 'database, logs, secrets and output; history survives a restart', '.dagbook')
    .option('--dags <folder>', 'where DAG files are found', 'dags')
    .option('--bundles <json>', 'DAG files from several folders, git repositories or S3 instead; see docs/bundles.md', bundleList, process.env['DAGBOOK_BUNDLES'] === undefined ? [] : bundleList(process.env['DAGBOOK_BUNDLES']))
    .option('--slots <number>', 'tasks at a time', slotNumber, 16)
    .option('--timezone <zone>', 'IANA zone of DAGs that name none', process.env['DAGBOOK_DEFAULT_TIMEZONE'] ?? 'UTC')
    .option('--pools <name=slots,…>', 'pools beside default_pool', poolList, process.env['DAGBOOK_POOLS'] === undefined ? [] : poolList(process.env['DAGBOOK_POOLS']))
    .option('--examples', 'also load the example DAGs, those in examples of the DAG folder', false)
    .option('--no-demo', 'do not trigger a run of the demo pipeline')
    .addHelpText('after', '\nThe admin password lies in <data>/admin-password (mode 0600); the login link printed at the start works once.\nEnvironment: DAGBOOK_DEFAULT_TIMEZONE, DAGBOOK_OTLP_TRACES_ENDPOINT, DAGBOOK_OUTPUT, DAGBOOK_BUNDLES, DAGBOOK_CONN_<ID>, DAGBOOK_VAR_<KEY>.')
    .allowExcessArguments(false)
    .parse([...argv], { from: 'user' });
  const given = program.opts<{ port: number; host: string; data: string; dags: string; bundles: StartOptions['bundles']; slots: number; timezone: string; pools: StartOptions['pools']; demo: boolean; examples: boolean }>();
  return {
    port: given.port,
    host: given.host,
    dataDir: resolve(root, given.data),
    dagsDir: resolve(root, given.dags),
    bundles: given.bundles,
    slots: given.slots,
    timezone: given.timezone,
    pools: given.pools,
    demo: given.demo,
    examples: given.examples,
  };
}

const wholeNumber = (min: number, max: number) => (value: string): number => {
  const number = Number(value);
  if (!Number.isInteger(number) || number < min || number > max) throw new InvalidArgumentError(`Must be a whole number from ${min} to ${max}.`);
  return number;
};
const poolList = (value: string): StartOptions['pools'] => {
  try {
    return pools(value);
  } catch (error) {
    throw new InvalidArgumentError(`The list ${error instanceof Error ? error.message : String(error)}.`);
  }
};
const bundleList = (value: string): StartOptions['bundles'] => {
  try {
    return readBundles(value);
  } catch (error) {
    throw new InvalidArgumentError(`The list of bundles ${error instanceof Error ? error.message : String(error)}.`);
  }
};
const portNumber = wholeNumber(0, 65_535);
const slotNumber = wholeNumber(1, 1_000);
