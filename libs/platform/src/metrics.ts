import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/**
 * A service's measures for Prometheus: names begin with `dagbook_`, base units, `_total` for counts. No run or task
 * instance ever becomes a label: their number is not bounded.
 */
export class Metrics {
  readonly #registry = new Registry();

  constructor(service: string) {
    this.#registry.setDefaultLabels({ service });
  }

  /** Counts of what has happened, by label. */
  counter(name: `dagbook_${string}_total`, help: string, labelNames: readonly string[] = []): { add(labels?: Record<string, string>, by?: number): void } {
    const counter = new Counter({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
    return { add: (labels = {}, by = 1) => counter.inc(labels, by) };
  }

  /** A value that is read when somebody asks. */
  gauge(name: `dagbook_${string}`, help: string, read: () => number | Promise<number>): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      async collect() {
        this.set(await read());
      },
    });
  }

  histogram(name: `dagbook_${string}_seconds`, help: string, labelNames: readonly string[] = []): { observe(seconds: number, labels?: Record<string, string>): void } {
    const histogram = new Histogram({ name, help, labelNames: [...labelNames], buckets: [0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600, 3_600], registers: [this.#registry] });
    return { observe: (seconds, labels = {}) => histogram.observe(labels, seconds) };
  }

  /** The process's own: CPU, memory, event loop, garbage collection. Once a process. */
  collectProcess(): void {
    collectDefaultMetrics({ register: this.#registry, prefix: 'dagbook_' });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
