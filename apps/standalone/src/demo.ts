import { setTimeout as pause } from 'node:timers/promises';
import type { RunEvent } from '@dagbook/domain';
import { runStream } from '@dagbook/contracts';
import type { EventStore } from '@dagbook/event-store';
import { errorAttributes, type Log } from '@dagbook/platform';

/** The pipeline in dags/ that a newcomer sees run. */
const DEMO_DAG = 'seattle_weather';
const LOOK_EVERY_MS = 20;
const APPEARS_WITHIN_LOOKS = 1_500;

export interface DemoPorts {
  readonly url: string;
  readonly adminPassword: string;
  readonly events: EventStore;
  readonly say: (line: string) => void;
  readonly log: Log;
}

/** Triggers a run of the demo as a user would, and tells its task states as they change, until it has ended. */
export async function showDemo(ports: DemoPorts, signal: AbortSignal): Promise<void> {
  const { say } = ports;
  try {
    const runId = await trigger(ports, signal);
    if (runId === null) return say(`There is no DAG ${DEMO_DAG} to show: its file is dags/${DEMO_DAG}.ts.`);
    say(`\n${DEMO_DAG} · ${runId}`);
    await follow(ports, runId, signal);
  } catch (error) {
    if (signal.aborted) return;
    ports.log.error('the demo could not be shown', errorAttributes(error));
    say(`The demo could not be shown: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function trigger({ url, adminPassword }: DemoPorts, signal: AbortSignal): Promise<string | null> {
  const post = (path: string, body: object, headers: object = {}): Promise<Response> =>
    fetch(`${url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body), signal });
  const { access_token: token } = (await (await post('/auth/token', { username: 'admin', password: adminPassword })).json()) as { access_token: string };
  for (let look = 0; look < APPEARS_WITHIN_LOOKS; look++) {
    const response = await post(`/api/v2/dags/${DEMO_DAG}/dagRuns`, { logical_date: null, note: 'triggered by npm start' }, { authorization: `Bearer ${token}` });
    if (response.ok) return ((await response.json()) as { dag_run_id: string }).dag_run_id;
    if (response.status !== 404) throw new Error(`the trigger answered ${response.status}: ${await response.text()}`);
    await pause(LOOK_EVERY_MS, undefined, { signal });
  }
  return null;
}

/** Reads the run's own stream as it grows: nothing is shown that is not history. */
async function follow({ events, say }: DemoPorts, runId: string, signal: AbortSignal): Promise<void> {
  const from = performance.now();
  let version = 0;
  let known = 0;
  let done = 0;
  for (;;) {
    const more = await events.read(runStream(DEMO_DAG, runId), version + 1);
    for (const stored of more) {
      version = stored.version;
      const state = SHOWN[stored.type as RunEvent['type']];
      if (state === undefined) continue;
      const { taskId, mapIndex = -1 } = stored.data as { taskId?: string; mapIndex?: number };
      const name = taskId === undefined ? 'run' : mapIndex < 0 ? taskId : `${taskId}[${mapIndex}]`;
      if (state === 'scheduled') known++;
      if (FINISHED.has(state) && taskId !== undefined) done++;
      say(`${seconds(from)}  ${progress(done, Math.max(known, done))}  ${name.padEnd(24)} ${state}`);
      if (taskId === undefined && FINISHED.has(state)) return;
    }
    if (more.length === 0) await pause(LOOK_EVERY_MS, undefined, { signal });
  }
}

const SHOWN: { readonly [type in RunEvent['type']]?: string } = {
  RunStarted: 'running',
  TaskScheduled: 'scheduled',
  TaskStarted: 'running',
  TaskSucceeded: 'success',
  TaskFailed: 'failed',
  TaskSkipped: 'skipped',
  TaskRetryScheduled: 'up_for_retry',
  TaskUpstreamFailed: 'upstream_failed',
  RunSucceeded: 'success',
  RunFailed: 'failed',
};

const FINISHED: ReadonlySet<string> = new Set(['success', 'failed', 'skipped', 'upstream_failed']);

const seconds = (from: number): string => `${((performance.now() - from) / 1000).toFixed(1)} s`.padStart(8);

function progress(done: number, known: number): string {
  const width = 20;
  const filled = known === 0 ? 0 : Math.round((width * done) / known);
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${String(done).padStart(2)}/${String(known).padEnd(2)}`;
}
