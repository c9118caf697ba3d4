import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';

export interface ClusterOptions {
  readonly port: number;
  readonly dataDir: string;
  readonly dagsDir: string;
  readonly workers: number;
  readonly schedulers: number;
  readonly slots: number;
  readonly timezone: string;
  readonly demo: boolean;
}

/** What `npm run cluster -- …` understands. */
export function readClusterOptions(argv: readonly string[], root: string): ClusterOptions {
  const given = new Command('npm run cluster --')
    .description('Dagbook as it runs in production, on this machine: five kinds of processes over Postgres and a real Kafka broker.\nWhat exits is started again; Ctrl-C drains and exits.')
    .option('-p, --port <number>', 'port of the web UI and the REST API; 0 picks a free one', wholeNumber(0, 65_535), 8080)
    .option('--data <folder>', 'database, broker, logs and secrets', '.dagbook/cluster')
    .option('--dags <folder>', 'where DAG files are found', 'dags')
    .option('--workers <number>', 'worker processes', wholeNumber(1, 50), 1)
    .option('--schedulers <number>', 'scheduler processes', wholeNumber(1, 16), 1)
    .option('--slots <number>', 'tasks at a time for each worker', wholeNumber(1, 1_000), 16)
    .option('--timezone <zone>', 'IANA zone of DAGs that name none', process.env['DAGBOOK_DEFAULT_TIMEZONE'] ?? 'UTC')
    .option('--no-demo', 'do not trigger a run of the demo pipeline')
    .allowExcessArguments(false)
    .parse([...argv], { from: 'user' })
    .opts<{ port: number; data: string; dags: string; workers: number; schedulers: number; slots: number; timezone: string; demo: boolean }>();
  const { port, workers, schedulers, slots, timezone, demo } = given;
  return { port, workers, schedulers, slots, timezone, demo, dataDir: resolve(root, given.data), dagsDir: resolve(root, given.dags) };
}

const wholeNumber = (min: number, max: number) => (value: string): number => {
  const number = Number(value);
  if (!Number.isInteger(number) || number < min || number > max) throw new InvalidArgumentError(`Must be a whole number from ${min} to ${max}.`);
  return number;
};
