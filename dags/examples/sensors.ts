// Waiting: for a while, for a time, for a command, for a file, for a function, for a day of the week. Those that wait in vain give up and are skipped.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { bash, dag, fileSensor, poke, timeSensor } from '@dagbook/sdk';

const FILE = '/tmp/dagbook_temporary_file_for_testing';
const d = dag('example_sensors', { startDate: '2021-01-01', catchup: false, tags: ['example'] });

const soon = { every: '1s', mode: 'reschedule' } as const;
const deferred = { every: '1s', mode: 'deferred' } as const;
const inVain = { every: '1s', mode: 'reschedule', timeout: '1s', softFail: true } as const;

const exitCode = async (command: string): Promise<number> => ((await once(spawn('bash', ['-c', command]), 'exit')) as [number])[0];
const shell = (command: string) => async () => ((await exitCode(command)) === 0 ? poke.done(true) : poke.again());
const is = (isThere: boolean) => async () => (isThere ? poke.done(true) : poke.again());

const waits = [
  d.sensor('wait_some_seconds', timeSensor({ after: '2s' }), soon)(),
  d.sensor('wait_some_seconds_async', timeSensor({ after: '2s' }), deferred)(),
  d.sensor('fire_immediately', timeSensor({ at: '2021-01-01T00:00:00Z' }), soon)(),
  d.sensor('timeout_after_second_date_in_the_future', timeSensor({ at: '2999-01-01T00:00:00Z' }), inVain)(),
  d.sensor('fire_immediately_async', timeSensor({ at: '2021-01-01T00:00:00Z' }), deferred)(),
  d.sensor('timeout_after_second_date_in_the_future_async', timeSensor({ at: '2999-01-01T00:00:00Z' }), { ...inVain, mode: 'deferred' })(),
  d.sensor('Sensor_succeeds', shell('exit 0'), soon)(),
  d.sensor('Sensor_fails_after_3_seconds', shell('exit 1'), { ...inVain, timeout: '3s' })(),
];

const removed = d.task('remove_file', bash({ command: `rm -rf ${FILE}` }))();
const found = d.sensor('wait_for_file', fileSensor({ path: FILE }), soon)().after(removed);
const foundAgain = d.sensor('wait_for_file_async', fileSensor({ path: FILE }), deferred)().after(found);
const created = d.task('create_file_after_3_seconds', bash({ command: `sleep 3; touch ${FILE}` }))();

waits.push(
  d.sensor('success_sensor_python', is(true), soon)(),
  d.sensor('failure_timeout_sensor_python', is(false), { ...inVain, timeout: '3s' })(),
  d.sensor('week_day_sensor_failing_on_timeout', async (_, { logicalDate }) => (logicalDate.getUTCDay() === 1 ? poke.done(true) : poke.again()), { ...inVain, timeout: '3s' })(),
);
d.task('print_date_in_bash', bash({ command: 'date' }), { triggerRule: 'none_failed' })().after(...waits, foundAgain, created);
export default d;
