// Setups and teardowns of functions, and one pair around a group that has its own.
import { dag } from '@dagbook/sdk';

const d = dag('example_setup_teardown_taskflow', { startDate: '2021-01-01', catchup: false, tags: ['example'] });

const one = d.setup('my_first_task', async (_, { log }) => log.info('Hello 1'))();
const two = d.task('my_second_task', async (_, { log }) => log.info('Hello 2'))().after(one);
d.teardown('my_third_task', async (_, { log }) => log.info('Hello 3'))().after(two, one);

const outer = d.setup('outer_setup', async () => 'some cluster id')();
const work = d.task('outer_work', async () => {})().after(outer);
d.teardown('outer_teardown', async ({ cluster }: { cluster: string }, { log }) => log.info(`tearing down ${cluster}`))({ cluster: outer }).after(work);

const section = d.group('section_1');
const inner = section.setup('inner_setup', async () => 'some cluster id')();
const innerWork = section.task('inner_work', async ({ cluster }: { cluster: string }, { log }) => log.info(`working in ${cluster}`))({ cluster: inner });
section.teardown('inner_teardown', async ({ cluster }: { cluster: string }, { log }) => log.info(`tearing down ${cluster}`))({ cluster: inner }).after(innerWork);
export default d;
