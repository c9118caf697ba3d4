import { parseArgs } from 'node:util';
import { simulate, type SimulationResult } from './simulation.ts';

/**
 * `npm run simulate -- [--seeds N] [--from N] | --seed N [--trace]`: as many simulations as there are seeds, or one with its
 * trace. Exit code 0: all went well; 1: one did not, and its seed is named; 2: the question was wrong.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({ options: { seeds: { type: 'string', default: '200' }, from: { type: 'string', default: '1' }, seed: { type: 'string' } } });
  if (values.seed !== undefined) return one(wholeNumber('seed', values.seed));
  return many(wholeNumber('from', values.from), wholeNumber('seeds', values.seeds));
}

async function one(seed: number): Promise<number> {
  const result = await simulate(seed, { traced: true });
  for (const line of result.trace) console.log(line);
  console.log(summary([result]));
  return result.violations.length === 0 ? 0 : 1;
}

async function many(from: number, count: number): Promise<number> {
  const startedAtMs = performance.now();
  const results: SimulationResult[] = [];
  for (let seed = from; seed < from + count; seed += 1) {
    const result = await simulate(seed);
    results.push(result);
    if (result.violations.length > 0) console.log(`seed ${seed}: ${result.violations[0]}\n  → npm run simulate -- --seed ${seed}`);
    if (results.length % 500 === 0) console.log(`${results.length} of ${count} …`);
  }
  console.log(`${summary(results)}, in ${((performance.now() - startedAtMs) / 1_000).toFixed(1)} s`);
  return results.every(({ violations }) => violations.length === 0) ? 0 : 1;
}

function summary(results: readonly SimulationResult[]): string {
  const sum = (of: (result: SimulationResult) => number): number => results.reduce((total, result) => total + of(result), 0);
  const held = results.filter(({ violations }) => violations.length === 0).length;
  return `held ${held} of ${results.length}: ${sum(({ steps }) => steps)} steps, ${sum(({ events }) => events)} events, ${sum(({ crashes }) => crashes)} crashes, ${(sum(({ simulatedMs }) => simulatedMs) / 3_600_000).toFixed(1)} simulated hours`;
}

function wholeNumber(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new RangeError(`--${name} is ${JSON.stringify(text)}: it must be a whole number below 1,000,000,000.`);
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 2;
}
