/** DAG files of the fault tests; every task says in a file of its process what it did, and that outlives whatever is killed. */

const says = (folder: string): string => `
import { appendFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
const folder = ${JSON.stringify(folder)};
const say = (phase, { dagId, run, taskId, mapIndex, tryNumber, epoch }) => {
  mkdirSync(folder, { recursive: true });
  const attempt = [dagId, run.id, taskId, mapIndex, tryNumber].join('/');
  appendFileSync(join(folder, process.pid + '.jsonl'), JSON.stringify({ phase, attempt, epoch, pid: process.pid, atMs: Date.now() }) + '\\n');
};
`;

export const RETRIES = 5;
export const WIDE = 10;
export const DEEP = 10;

/** `throughput-10k`'s lattice: each task follows the one above it and its neighbour, and takes up to 60 ms. */
export const latticeDag = (dagId: string, folder: string): string => `
import { dag } from '@dagbook/sdk';
${says(folder)}
const d = dag('${dagId}', { schedule: null, maxActiveTasks: 10000, maxActiveRuns: 10000 });
const spec = { lostAfter: '8s', retries: ${RETRIES}, retryDelay: '200ms' };
let layer = [];
for (let row = 0; row < ${DEEP}; row++) {
  const next = [];
  for (let column = 0; column < ${WIDE}; column++) {
    const ref = d.task('t' + row + '_' + column, async (_, context) => {
      say('begin', context);
      await pause(Math.random() * 60);
      say('end', context);
    }, spec)();
    if (row > 0) ref.after(layer[column], layer[(column + 1) % ${WIDE}]);
    next.push(ref);
  }
  layer = next;
}
export default d;
`;

/** One task that goes on until \`<folder>/go\` is there; from its second execution on it returns at once. */
export const waitingDag = (dagId: string, folder: string, lostAfter: string): string => `
import { dag } from '@dagbook/sdk';
${says(folder)}
const d = dag('${dagId}', { schedule: null });
d.task('wait', async (_, context) => {
  say('begin', context);
  while (context.epoch === 1 && !existsSync(join(folder, 'go'))) await pause(20);
  say('end', context);
  return context.epoch;
}, { lostAfter: '${lostAfter}', retries: 0 })();
export default d;
`;

/** Keeps how far it has come in its state, and hangs when it is half way the first time. */
export const keepingDag = (dagId: string): string => `
import { dag } from '@dagbook/sdk';
const d = dag('${dagId}', { schedule: null });
d.task('load', async (_, { taskState, epoch }) => {
  const begun = await taskState.get('page', 0);
  for (let page = begun + 1; page <= 6; page++) {
    await taskState.set('page', page);
    if (page === 3 && epoch === 1) await new Promise((resolve) => setTimeout(resolve, 600_000));
  }
  return { begun, epoch };
}, { lostAfter: '60s', retries: 0 })();
export default d;
`;

/** Tasks with processes of every kind: in the runner, of the runner's group, and one that leaves the group. Once only. */
export const processesDag = (dagId: string, folder: string): string => `
import { bash, dag } from '@dagbook/sdk';
${says(folder)}
const d = dag('${dagId}', { schedule: null });
const spec = { lostAfter: '60s', retries: 0 };
d.task('function', async (_, context) => {
  say('begin', context);
  if (context.epoch === 1) await pause(600_000);
}, spec)();
d.task('command', bash({ command: 'if [ $DAGBOOK_EPOCH = 1 ]; then sleep 601; fi' }), spec)();
d.task('leaves_group', bash({ command: 'if [ $DAGBOOK_EPOCH = 1 ]; then setsid sleep 602 & wait; fi' }), spec)();
export default d;
`;
