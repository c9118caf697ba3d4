/** DAG files that benchmarks write; each is plain SDK code, as a user's would be. */

/** Tasks in a line; each says when its code began and ended, epoch milliseconds with fractions. */
export const chainDag = (dagId: string, length: number): string => `
import { dag } from '@dagbook/sdk';
const d = dag('${dagId}', { schedule: null, maxActiveTasks: 1000 });
const now = () => performance.timeOrigin + performance.now();
let before;
for (let i = 0; i < ${length}; i++) {
  const task = d.task('t' + i, async () => { const at = now(); return [at, now()]; });
  const ref = task();
  if (before) ref.after(before);
  before = ref;
}
export default d;
`;

/** `deep` layers of `wide` no-op tasks; each task follows the one above it and its neighbour. */
export const latticeDag = (dagId: string, wide: number, deep: number): string => `
import { dag } from '@dagbook/sdk';
const d = dag('${dagId}', { schedule: null, maxActiveTasks: 10000, maxActiveRuns: 10000 });
let layer = [];
for (let row = 0; row < ${deep}; row++) {
  const next = [];
  for (let column = 0; column < ${wide}; column++) {
    const ref = d.task('t' + row + '_' + column, async () => undefined)();
    if (row > 0) ref.after(layer[column], layer[(column + 1) % ${wide}]);
    next.push(ref);
  }
  layer = next;
}
export default d;
`;

/** One task, a task mapped over `width` items, one that takes all results. */
export const fanoutDag = (dagId: string, width: number): string => `
import { dag } from '@dagbook/sdk';
const d = dag('${dagId}', { schedule: null, maxActiveTasks: 10000 });
const items = d.task('items', async () => Array.from({ length: ${width} }, (_, i) => i))();
const each = d.task('each', async ({ n }) => n * 2).expand({ n: items });
d.task('sum', async ({ all }) => all.reduce((a, b) => a + b, 0))({ all: each });
export default d;
`;

/** Random layers: `tasks` tasks and about `edges` edges, the same for the same seed. */
export const layeredDag = (dagId: string, tasks: number, edges: number, seed: number): string => `
import { dag } from '@dagbook/sdk';
let state = ${seed};
const random = () => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return state / 4294967296; };
const d = dag('${dagId}', { schedule: null, maxActiveTasks: 100000 });
const LAYERS = 50;
const refs = [];
const perLayer = Math.ceil(${tasks} / LAYERS);
const degree = ${edges} / ${tasks};
for (let i = 0; i < ${tasks}; i++) {
  const layer = Math.floor(i / perLayer);
  const ref = d.task('t' + i, async () => undefined)();
  if (layer > 0) {
    const count = Math.floor(degree) + (random() < degree % 1 ? 1 : 0);
    const above = new Set();
    while (above.size < count) above.add(refs[(layer - 1) * perLayer + Math.floor(random() * perLayer)]);
    ref.after(...above);
  }
  refs.push(ref);
}
export default d;
`;
