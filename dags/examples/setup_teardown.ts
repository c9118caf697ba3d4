// What is set up is torn down, in a group and around it, whatever becomes of the work between.
import { bash, dag } from '@dagbook/sdk';

const d = dag('example_setup_teardown', { startDate: '2021-01-01', tags: ['example'] });

const rootSetup = d.setup('root_setup', bash({ command: 'sleep 0.1; echo "Hello from root_setup"' }))();
const rootWork = d.task('root_normal', bash({ command: 'echo "I am just a normal task"' }))();
const rootTeardown = d.teardown('root_teardown', bash({ command: 'echo "Goodbye from root_teardown"' }))();

const section = d.group('section_1');
const inner = section.setup('taskgroup_setup', bash({ command: 'echo "Hello from taskgroup_setup"' }))();
const work = section.task('normal', bash({ command: 'exit 1' }))().after(inner);
section.teardown('taskgroup_teardown', bash({ command: 'echo "Hello from taskgroup_teardown"' }))().after(work, inner);

rootWork.after(rootSetup);
section.after(rootSetup);
rootTeardown.after(rootWork, section, rootSetup);
export default d;
