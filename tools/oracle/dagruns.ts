import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startProduct, type Product } from '../../test/harness/product.ts';
import type { DagRunRow, OracleInstance } from '../../test/oracles/dagrun-row.ts';
import { dagrunSource } from './dagrun-source.ts';
import type { OracleForm } from './form.ts';

/**
 * Runs of whole DAGs, through standalone with real task processes: each row is a DAG file of its own, so that one that
 * is refused spoils no other, and all of them are in one service.
 */
export const dagruns: OracleForm<DagRunRow> = {
  ask: ({ dag }) => dag,
  expected: ({ run, taskInstances }) => ({ run, taskInstances }),
  answers: async (rows) => {
    if (rows.length === 0) return [];
    const dagsDir = mkdtempSync(join(tmpdir(), 'dagbook-oracle-'));
    rows.forEach((row, index) => writeFileSync(join(dagsDir, `${dagIdOf(index)}.ts`), dagrunSource(dagIdOf(index), row)));
    const product = await startProduct({ shape: 'standalone', dagsDir, slots: 16 });
    try {
      return await inParallel(rows.map((_, index) => () => answer(product, dagIdOf(index))));
    } finally {
      await product.stop();
      rmSync(dagsDir, { recursive: true, force: true });
    }
  },
};

/** Of one width, so that none is the beginning of another. */
const dagIdOf = (index: number): string => `row_${String(index + 1).padStart(6, '0')}`;

const ROWS_AT_A_TIME = 24;
const ASK_EVERY_MS = 50;
/** Longer than any row takes while all of them run: what has not ended by then hangs. */
const PATIENCE_MS = 120_000;

async function inParallel(questions: readonly (() => Promise<unknown>)[]): Promise<unknown[]> {
  const answers: unknown[] = [];
  let next = 0;
  const ask = async (): Promise<void> => {
    for (let index = next++; index < questions.length; index = next++) {
      answers[index] = await questions[index]?.().catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
    }
  };
  await Promise.all(Array.from({ length: ROWS_AT_A_TIME }, ask));
  return answers;
}

interface TaskInstance {
  readonly task_id: string;
  readonly map_index: number;
  readonly state: string | null;
  readonly try_number: number;
}

/** Triggers the DAG once and reads the end of its run. */
async function answer(product: Product, dagId: string): Promise<{ run: string; taskInstances: OracleInstance[] }> {
  const giveUpAtMs = performance.now() + PATIENCE_MS;
  await until(giveUpAtMs, `${dagId} did not appear`, () => appears(product, dagId));
  await product.api('POST', `/api/v2/dags/${dagId}/dagRuns`, { dag_run_id: 'asked', logical_date: null });
  const run = await until(giveUpAtMs, `the run of ${dagId} did not end`, async () => {
    const { state } = await product.api<{ state: string }>('GET', `/api/v2/dags/${dagId}/dagRuns/asked`);
    return state === 'success' || state === 'failed' ? state : undefined;
  });
  return { run, taskInstances: await instancesOf(product, dagId) };
}

/** Throws what is wrong with the file when that is why the DAG does not appear. */
async function appears(product: Product, dagId: string): Promise<true | undefined> {
  const { dags } = await product.api<{ dags: readonly { dag_id: string }[] }>('GET', `/api/v2/dags?dag_id_pattern=${dagId}`);
  if (dags.some((dag) => dag.dag_id === dagId)) return true;
  const { import_errors: errors } = await product.api<{ import_errors: readonly { filename: string; stack_trace: string }[] }>('GET', '/api/v2/importErrors?limit=1000');
  const refused = errors.find(({ filename }) => filename === `${dagId}.ts`);
  if (refused !== undefined) throw new Error(refused.stack_trace);
  return undefined;
}

async function instancesOf(product: Product, dagId: string): Promise<OracleInstance[]> {
  const found: OracleInstance[] = [];
  for (;;) {
    const path = `/api/v2/dags/${dagId}/dagRuns/asked/taskInstances?limit=100&offset=${found.length}`;
    const { task_instances: page, total_entries: total } = await product.api<{ task_instances: readonly TaskInstance[]; total_entries: number }>('GET', path);
    for (const { task_id: task, map_index: mapIndex, state, try_number: tries } of page) found.push({ task, mapIndex, state: state ?? 'none', tries });
    if (page.length === 0 || found.length >= total) break;
  }
  return found.sort((a, b) => (a.task < b.task ? -1 : a.task > b.task ? 1 : a.mapIndex - b.mapIndex));
}

async function until<T>(giveUpAtMs: number, otherwise: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answered = await ask();
    if (answered !== undefined) return answered;
    if (performance.now() > giveUpAtMs) throw new Error(`${otherwise} within ${PATIENCE_MS / 1000} s`);
    await pause(ASK_EVERY_MS);
  }
}
