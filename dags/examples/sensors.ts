// Waiting for what is there, for what comes after a while, and for what never comes.
import { bash, dag, poke } from '@dagbook/sdk';

const d = dag('example_sensors', { startDate: '2021-01-01', catchup: false, tags: ['example'] });

let asked = 0;
const there = d.sensor('wait_for_nothing', async () => poke.done('it is there'), { every: '1s' })();
const soon = d.sensor('wait_for_a_while', async () => ((asked += 1) < 3 ? poke.again() : poke.done(asked)), { every: '100ms', mode: 'poke' })();
const never = d.sensor('wait_in_vain', async () => poke.again(), { every: '1s', timeout: '2s', mode: 'reschedule', softFail: true })();

d.task('both_came', bash({ command: 'echo "both came"' }))().after(there, soon);
d.task('all_came', bash({ command: 'echo "never said"' }))().after(there, soon, never);
d.task('whatever_came', bash({ command: 'echo "on we go"' }), { triggerRule: 'none_failed' })().after(there, soon, never);
export default d;
