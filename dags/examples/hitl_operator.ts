// People decide: they fill a form, choose one thing and several, approve, and choose the way. Where nobody answers in time a default is taken.
import { approval, choose, dag, form } from '@dagbook/sdk';
import { z } from 'zod';

const d = dag('example_hitl_operator', { startDate: '2021-01-01', catchup: false, tags: ['example', 'HITL'] });

const entry = d.task('wait_for_input', form({ subject: 'Please provide required information: ', params: z.object({ information: z.string().default('') }) }))();
const option = d.task('wait_for_option', choose({ subject: 'Please choose one option to proceed: ', options: ['option 1', 'option 2', 'option 3'] }))();
const several = d.task('wait_for_multiple_options', choose({ subject: 'Please choose option to proceed: ', options: ['option 4', 'option 5', 'option 6'], multiple: true }))();
const byDefault = d.task('wait_for_default_option', choose({
  subject: 'Please choose option to proceed: ', options: ['option 7', 'option 8', 'option 9'], defaults: ['option 7'], responseTimeout: '1s',
}))();
const approved = d.task('valid_input_and_options', approval({
  subject: 'Are the following input and options valid?',
  body: `
Input: {{ ti.xcom_pull(task_ids='wait_for_input')["params_input"]["information"] }}

Option: {{ ti.xcom_pull(task_ids='wait_for_option')["chosen_options"] }}

Multiple Options: {{ ti.xcom_pull(task_ids='wait_for_multiple_options')["chosen_options"] }}

Timeout Option: {{ ti.xcom_pull(task_ids='wait_for_default_option')["chosen_options"] }}
`,
  defaults: 'Reject', responseTimeout: '5m',
}))().after(entry, option, byDefault, several);
const way = d.task('choose_a_branch_to_run', choose({ subject: "You're now allowed to proceeded. Please choose one task to run: ", options: ['task_1', 'task_2', 'task_3'] }))().after(approved);
const work = (name: string) => d.task(name, async () => {})();
d.branch(way.get('chosen_options'), { task_1: work('task_1'), task_2: work('task_2'), task_3: work('task_3') });
export default d;
