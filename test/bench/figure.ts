/** Figures of one run, named alike in every benchmark: `p50Ms`, `p99Ms`, `tasksPerSecond`, `cpuMicrosPerTask`, … */
export type Figures = Readonly<Record<string, number>>;

export interface Benchmark {
  readonly name: string;
  readonly says: string;
  run(shape: 'standalone' | 'cluster'): Promise<Figures>;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Of each figure over several runs. */
export function medians(runs: readonly Figures[]): Figures {
  const names = Object.keys(runs[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, percentile(runs.map((run) => run[name] ?? Number.NaN), 0.5)]));
}

class BenchmarkBroken extends Error {}

/** A benchmark that measured something else than it says is worth nothing. */
export function check(holds: boolean, sentence: string): asserts holds {
  if (!holds) throw new BenchmarkBroken(sentence);
}
