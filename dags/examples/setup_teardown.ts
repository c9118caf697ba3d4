// What is set up is torn down, in a group and around it, whatever becomes of the work between.
import { bash, dag, type Dag } from '@dagbook/sdk';

const spec = { startDate: '2021-01-01', catchup: false, tags: ['example'] };
const say = (sentence: string) => bash({ command: `echo '${sentence}'` });

const section = (d: Dag<{}>, work: string) => {
  const group = d.group('section_1');
  const setup = group.setup('taskgroup_setup', say('Hello from taskgroup_setup'))();
  const normal = group.task('normal', bash({ command: work }))().after(setup);
  group.teardown('taskgroup_teardown', say('Hello from taskgroup_teardown'))().after(normal, setup);
  return group;
};

const plain = dag('example_setup_teardown', spec);
const setup = plain.setup('root_setup', say('Hello from root_setup'))();
const normal = plain.task('normal', say('I am just a normal task'))().after(setup);
plain.teardown('root_teardown', say('Goodbye from root_teardown'))().after(normal, setup);
section(plain, "echo 'I am just a normal task'").after(normal);

// The work of the group fails, so the run does; what was set up is torn down all the same.
const failing = dag('setup_teardown_of_what_failed', spec);
const outer = failing.setup('root_setup', say('Hello from root_setup'))();
const inner = section(failing, 'exit 1').after(outer);
failing.teardown('root_teardown', say('Goodbye from root_teardown'))().after(inner, outer);

export default [plain, failing];
