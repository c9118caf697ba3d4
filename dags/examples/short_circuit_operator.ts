// A false condition skips all that follows; with ignoreDownstreamTriggerRules: false only what follows directly, and trigger rules decide further on.
import { dag } from '@dagbook/sdk';

const build = (dagId: string, conditions: readonly [string, string]) => {
  const d = dag(dagId, { startDate: '2021-01-01', catchup: false, tags: ['example'], doc: 'Goes on only where a condition holds.' });
  for (const [id, holds, prefix] of [[conditions[0], true, 'true'], [conditions[1], false, 'false']] as const) {
    const condition = d.shortCircuit(id, async () => holds)();
    d.empty(`${prefix}_2`).after(d.empty(`${prefix}_1`).after(condition));
  }
  const first = d.empty('task_1');
  const gate = d.shortCircuit('short_circuit', async () => false, { ignoreDownstreamTriggerRules: false })().after(first);
  const ungated = d.empty('task_5').after(d.empty('task_3').after(d.empty('task_2').after(first)));
  const gated = d.empty('task_6').after(d.empty('task_4').after(gate));
  d.empty('task_7', { triggerRule: 'all_done' }).after(ungated, gated);
  return d;
};

export default [
  build('example_short_circuit_operator', ['condition_is_True', 'condition_is_False']),
  // Airflow has this one twice, as operators and as decorated functions; here both are the same call.
  build('example_short_circuit_decorator', ['condition_is_true', 'condition_is_false']),
];
