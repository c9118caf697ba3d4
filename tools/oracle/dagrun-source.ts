import type { DagRunRow } from '../../test/oracles/dagrun-row.ts';

/** The row as a user would write it with the SDK: a DAG file whose tasks do what the row says of them. */
export const dagrunSource = (dagId: string, { dag }: DagRunRow): string => `
import { dag, FailTask, SkipTask } from '@dagbook/sdk';

const tasks = ${JSON.stringify(dag.tasks, null, 1)};
const d = dag('${dagId}', { schedule: null });

function carryOut(deed, task, tryNumber) {
  if (deed === 'skip') throw new SkipTask('asked to');
  if (deed === 'failNoRetry') throw new FailTask('asked to');
  if (deed === 'fail' || (deed === 'failOnce' && tryNumber === 1)) throw new Error('asked to');
  if (task.kind === 'branch') return task.chooses;
  if (task.kind === 'shortCircuit') return task.passes;
  return task.returns;
}

const placed = new Map();
function place(task) {
  const spec = { retries: task.retries, retryDelay: '0s', triggerRule: task.triggerRule };
  const single = async (_, { tryNumber }) => carryOut(task.does, task, tryNumber);
  switch (task.kind) {
    case 'mapped': {
      const each = async ({ item }, { tryNumber }) => carryOut(item, task, tryNumber);
      return d.task(task.id, each, spec).expand({ item: task.over === undefined ? task.items : placedAs(task.over) });
    }
    case 'shortCircuit': return d.shortCircuit(task.id, single, { ...spec, ignoreDownstreamTriggerRules: task.ignoreDownstreamTriggerRules })();
    case 'setup': return d.setup(task.id, single, spec)();
    case 'teardown': return d.teardown(task.id, single, { ...spec, onFailureFailDagrun: task.onFailureFailDagrun })();
    default: return d.task(task.id, single, spec)();
  }
}
function placedAs(id) {
  if (!placed.has(id)) placed.set(id, place(tasks.find((task) => task.id === id)));
  return placed.get(id);
}

for (const task of tasks) placedAs(task.id);
for (const task of tasks) placedAs(task.id).after(...task.upstream.map(placedAs));
for (const task of tasks.filter(({ kind }) => kind === 'branch')) {
  const ways = tasks.filter(({ upstream }) => upstream.includes(task.id));
  // One that leads nowhere decides nothing.
  if (ways.length > 0) d.branch(placedAs(task.id), Object.fromEntries(ways.map(({ id }) => [id, placedAs(id)])));
}
export default d;
`;
