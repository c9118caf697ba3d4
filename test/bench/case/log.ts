import { createWriteStream, globSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import { check, percentile, type Benchmark } from '../figure.ts';
import { startProduct, type Product } from '../../harness/product.ts';
import { warmUp } from '../warm-up.ts';

const LINES = 500;
const EVERY_MS = 10;

/** Prints when it prints, by the machine's clock, which the reader shares. */
const talker = `
import { setTimeout as sleep } from 'node:timers/promises';
import { dag } from '@dagbook/sdk';
const d = dag('talker', { schedule: null });
d.task('talks', async (_, { log }) => {
  await sleep(1000);
  for (let n = 0; n < ${LINES}; n++) {
    log.info('said at ' + (performance.timeOrigin + performance.now()));
    await sleep(${EVERY_MS});
  }
})();
export default d;
`;

export const logTail: Benchmark = {
  name: 'log-tail',
  says: `from a task's log call to the SSE client that follows it, ${LINES} lines, one every ${EVERY_MS} ms`,
  async run(shape) {
    const product = await startProduct({ shape });
    try {
      await warmUp(product);
      await product.writeDag('talker', talker);
      await product.api('POST', '/api/v2/dags/talker/dagRuns', { dag_run_id: 'r', logical_date: null });
      const delays = await followed(product, 'talker', 'talks');
      check(delays.length === LINES, `${delays.length} of ${LINES} lines arrived`);
      return { p50Ms: percentile(delays, 0.5), p90Ms: percentile(delays, 0.9), p99Ms: percentile(delays, 0.99) };
    } finally {
      await product.stop();
    }
  },
};

/** How long each line took to this process. */
async function followed(product: Product, dagId: string, taskId: string): Promise<number[]> {
  const delays: number[] = [];
  const stream = await open(product, `/api/v2/dags/${dagId}/dagRuns/r/taskInstances/${taskId}/logs/1/stream`);
  const parser = createParser({
    onEvent: ({ data }) => {
      const nowMs = performance.timeOrigin + performance.now();
      for (const [, saidAtMs] of data.matchAll(/said at (\d+\.?\d*)/g)) delays.push(nowMs - Number(saidAtMs));
    },
  });
  for await (const text of stream.pipeThrough(new TextDecoderStream())) parser.feed(text);
  return delays;
}

/** Asked again until the read model knows the task instance. */
async function open(product: Product, path: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  for (let tries = 0; ; tries++) {
    const response = await fetch(`${product.url}${path}`, { headers: { authorization: `Bearer ${product.token}`, accept: 'text/event-stream' } });
    if (response.ok && response.body !== null) return response.body;
    check(tries < 1_000, `${path} answered ${response.status}`);
    await pause(5);
  }
}

const BYTES = 1_000_000_000;
const OPENINGS = 50;
const TAIL_BYTES = 65_536;

export const logOpen: Benchmark = {
  name: 'log-open',
  says: 'the last 64 KB of a log of 1 GB, through the API',
  async run(shape) {
    const product = await startProduct({ shape });
    try {
      await product.writeDag('writer', `import { dag } from '@dagbook/sdk';\nconst d = dag('writer', { schedule: null });\nd.task('writes', async (_, { log }) => log.info('the only line'))();\nexport default d;\n`);
      await product.api('POST', '/api/v2/dags/writer/dagRuns', { dag_run_id: 'r', logical_date: null });
      await product.runsEnded('writer', 1);
      await fill(product.dataDir);
      const path = `/api/v2/dags/writer/dagRuns/r/taskInstances/writes/logs/1?tail_bytes=${TAIL_BYTES}`;
      const times: number[] = [];
      for (let opening = 0; opening < OPENINGS; opening++) {
        const from = performance.now();
        const { content } = await product.api<{ content: readonly { event: string }[] }>('GET', path);
        times.push(performance.now() - from);
        check(content.at(-1)?.event === 'the last line', `the log ends with ${JSON.stringify(content.at(-1))}`);
      }
      return { firstMs: times[0] ?? Number.NaN, p50Ms: percentile(times, 0.5), p99Ms: percentile(times, 0.99) };
    } finally {
      await product.stop();
    }
  },
};

/** Puts a gigabyte of lines between the first line of the only log and its end. */
async function fill(dataDir: string): Promise<void> {
  let file: string | undefined;
  for (let tries = 0; file === undefined || !readFileSync(file, 'utf8').includes('dagbook_log_end'); tries++) {
    check(tries < 1_000, 'the log of the task did not end');
    await pause(10);
    [file] = globSync(`${dataDir}/**/writer/r/writes/**/*.jsonl`);
  }
  const line = (event: string): string => `${JSON.stringify({ timestamp: '2026-01-01T00:00:00.000000Z', level: 'info', logger: 'task', event })}\n`;
  const block = line('one of very many lines, as long as lines of logs are').repeat(8_000);
  const log = createWriteStream(file);
  for (let bytes = 0; bytes < BYTES; bytes += block.length) if (!log.write(block)) await once(log, 'drain');
  log.end(line('the last line'));
  await finished(log);
}
