// `dagbook dags test example_passing_params_via_test_command --conf '{"miff": "agg"}'` runs it here, without any service.
import { bash, dag } from '@dagbook/sdk';
import { z } from 'zod';

const d = dag('example_passing_params_via_test_command', {
  schedule: '*/1 * * * *', startDate: '2021-01-01', catchup: false, timeout: '4m', tags: ['example'],
  params: z.object({ foo: z.string().default('bar'), miff: z.string().default('none') }),
});

const run = d.task('run_this', async (_, { params, log }) => {
  log.info(`'foo' was passed in as ${params.foo}, 'miff' as ${params.miff}`);
  return 1;
})();
d.task('also_run_this', bash({ command: 'echo "foo was $FOO, miff was $MIFF"', env: { FOO: '{{ params.foo }}', MIFF: '{{ params.miff }}' } }))().after(run);
d.task('env_var_test_task', async (_, { log }) => log.info(`foo=${process.env['foo'] ?? 'not set'}`))();
export default d;
