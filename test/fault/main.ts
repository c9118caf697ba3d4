import { parseArgs } from 'node:util';
import { campaign, table, violationsOf } from './campaign.ts';
import { FaultCluster } from './fault-cluster.ts';
import { killPlan } from './kill-plan.ts';
import { partAway } from './part-away.ts';

const USAGE = `npm run fault -- [--kills N] [--seed S] [--kafka-away SECONDS | --postgres-away SECONDS] [--keep] [--json]

  --kills N               kill -9 of N processes, dealt over all seven kinds, under load (default 14)
  --seed S                the same kills at the same pauses for the same seed (default: drawn, and printed)
  --kafka-away SECONDS    instead: Kafka frozen for so long while a task runs, which must not be lost
  --postgres-away SECONDS the same of Postgres
  --keep                  leave data and logs
  --json                  the last line printed is one JSON object
`;
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '14' }, seed: { type: 'string' }, 'kafka-away': { type: 'string' }, 'postgres-away': { type: 'string' },
    keep: { type: 'boolean', default: false }, json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
  },
});
const kills = Number(values.kills);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const part = values['kafka-away'] !== undefined ? 'kafka' : values['postgres-away'] !== undefined ? 'postgres' : undefined;
const awaySeconds = Number(values['kafka-away'] ?? values['postgres-away'] ?? 0);
if (values.help || ![kills, seed, awaySeconds].every((number) => Number.isInteger(number) && number >= 0)) {
  process.stderr.write(USAGE);
  process.exit(values.help ? 0 : 2);
}
const say = (line: string): void => void process.stderr.write(`${line}\n`);

say('starting a cluster of two schedulers and two workers …');
const cluster = await FaultCluster.start();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void cluster.stop().finally(() => process.exit(130)));
try {
  const found = part === undefined ? await kill(cluster) : await freeze(cluster, part, awaySeconds);
  process.exitCode = found.length > 0 ? 1 : 0;
} finally {
  if (values.keep) say(`the data and the logs are kept in ${cluster.folder}`);
  await cluster.stop({ keep: values.keep });
}

async function kill(cluster: FaultCluster): Promise<readonly string[]> {
  say(`${kills} kills, seed ${seed}`);
  const result = await campaign(cluster, killPlan(seed, kills), say);
  const violations = violationsOf(result);
  for (const violation of violations.slice(0, 50)) say(`VIOLATION ${violation}`);
  process.stdout.write(`\n${table(result)}\nseed ${seed}: ${violations.length === 0 ? 'no violation' : `${violations.length} violations`}\n`);
  if (values.json) {
    const { runs, executions, wasted, losses } = result;
    process.stdout.write(`${JSON.stringify({ seed, kills: result.kills.length, runs, executions, wasted, losses, violations: violations.length })}\n`);
  }
  return violations;
}

async function freeze(cluster: FaultCluster, part: 'kafka' | 'postgres', seconds: number): Promise<readonly string[]> {
  const events = await partAway(cluster, part, { awayMs: seconds * 1_000, lostAfter: '5m' });
  const survived = events.join(' ') === 'TaskScheduled TaskStarted TaskSucceeded';
  process.stdout.write(`${part} away for ${seconds} s: ${events.join(', ')}\n`);
  if (values.json) process.stdout.write(`${JSON.stringify({ part, awaySeconds: seconds, violations: survived ? 0 : 1 })}\n`);
  return survived ? [] : ['a healthy task was lost'];
}
