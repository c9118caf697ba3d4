// People decide: they fill a form, choose several things, approve, and choose the way. With nobody there the defaults are taken.
import { approval, choose, dag, form } from '@dagbook/sdk';
import { z } from 'zod';

const d = dag('example_hitl_operator', { startDate: '2021-01-01', tags: ['example', 'HITL'] });
const responseTimeout = '1s';

const entry = d.task('wait_for_input', form({
  subject: 'Please provide required information:', params: z.object({ information: z.string().default('nothing') }), useDefaults: true, responseTimeout,
}))();
const picked = d.task('wait_for_multiple_options', choose({
  subject: 'Please choose some: {{ ds }}', options: ['option 4', 'option 5', 'option 6'], multiple: true, defaults: ['option 4', 'option 5'], responseTimeout,
}))();
const approved = d.task('valid_input_and_options', approval({
  subject: 'Are the following input and options valid?', body: 'They are shown in the log of the tasks above.', defaults: 'Approve', responseTimeout,
}))().after(entry, picked);
const way = d.task('choose_a_branch_to_run', choose({ subject: 'You are now allowed to proceed. Choose', options: ['task_1', 'task_2', 'task_3'], defaults: 'task_1', responseTimeout }))().after(approved);
const work = (name: string) => d.task(name, async (_, { log }) => log.info(name))();
d.branch(way.get('chosen_options'), { task_1: work('task_1'), task_2: work('task_2'), task_3: work('task_3') });
export default d;
