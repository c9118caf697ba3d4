import { parseArgs } from 'node:util';
import { bash } from './case/bash.ts';
import { bigdag, fanout } from './case/fanout.ts';
import { chain } from './case/chain.ts';
import { decider } from './case/decider.ts';
import { dockerOverhead } from './case/docker.ts';
import { footprint } from './case/footprint.ts';
import { logOpen, logTail } from './case/log.ts';
import { parse } from './case/parse.ts';
import { s3Transfer } from './case/s3.ts';
import { storm, stormBeside } from './case/storm.ts';
import { throughput } from './case/throughput.ts';
import { medians, type Benchmark, type Figures } from './figure.ts';

const BENCHMARKS: readonly Benchmark[] = [chain, throughput, footprint, fanout, bigdag, storm, stormBeside, parse, decider, logTail, logOpen, bash, dockerOverhead, s3Transfer];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { shape: { type: 'string', default: 'standalone' }, runs: { type: 'string', default: '5' }, json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
});
const chosen = BENCHMARKS.find((benchmark) => benchmark.name === positionals[0]);
const { shape } = values;
if (chosen === undefined || values.help || (shape !== 'standalone' && shape !== 'cluster')) {
  process.stderr.write(`npm run bench -- NAME [--shape standalone|cluster] [--runs N] [--json]\n\n${BENCHMARKS.map(({ name, says }) => `  ${name.padEnd(16)} ${says}`).join('\n')}\n`);
  process.exit(values.help ? 0 : 2);
}

const runs: Figures[] = [];
for (let run = 1; run <= Number(values.runs); run++) {
  const figures = await chosen.run(shape);
  runs.push(figures);
  process.stderr.write(`${chosen.name} (${shape}) run ${run}: ${shown(figures)}\n`);
}
const result = { benchmark: chosen.name, shape, runs: runs.length, ...medians(runs) };
process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : `${chosen.name} (${shape}), median of ${runs.length}: ${shown(medians(runs))}\n`);

function shown(figures: Figures): string {
  return Object.entries(figures).map(([name, value]) => `${name}=${value.toFixed(value < 10 ? 2 : 0)}`).join('  ');
}
