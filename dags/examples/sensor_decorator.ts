// A function that says whether what it waits for is there, and what it found.
import { dag, poke } from '@dagbook/sdk';

const d = dag('example_sensor_decorator', { startDate: '2021-01-01', catchup: false, tags: ['example'] });

const waited = d.sensor('wait_for_upstream', async () => poke.done('xcom_value'), { every: '60s', timeout: '1h', mode: 'reschedule' })();
d.task('dummy_operator', async () => {})().after(waited);
export default d;
