// A false condition skips all that follows; with ignoreDownstreamTriggerRules: false only what follows directly.
import { dag } from '@dagbook/sdk';

const d = dag('example_short_circuit_operator', { startDate: '2021-01-01', tags: ['example'] });

const isTrue = d.shortCircuit('condition_is_True', async () => true)();
const isFalse = d.shortCircuit('condition_is_False', async () => false)();
for (const n of [1, 2]) {
  d.empty(`true_${n}`).after(isTrue);
  d.empty(`false_${n}`).after(isFalse);
}

const gate = d.shortCircuit('short_circuit', async () => false, { ignoreDownstreamTriggerRules: false })().after(d.empty('task_1'));
const second = d.empty('task_2').after(gate);
const fifth = d.empty('task_5').after(d.empty('task_3').after(second), d.empty('task_4').after(second));
d.empty('task_6', { triggerRule: 'all_done' }).after(fifth);
export default d;
