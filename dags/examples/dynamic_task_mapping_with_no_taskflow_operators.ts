// Mapped over constants, and a command that adds up what the instances answered.
import { bash, dag } from '@dagbook/sdk';

const d = dag('example_dynamic_task_mapping_with_no_taskflow_operators', { startDate: '2022-03-04', catchup: false, tags: ['example'] });

const added = d.task('add_one', async ({ value }: { value: number }) => value + 1).expand({ value: [1, 2, 3] });
d.task('sum_it', bash({ command: 'echo "Total was $(( $TERMS ))"', env: { TERMS: "{{ ti.xcom_pull('add_one') | join(' + ') }}" } }))().after(added);
export default d;
