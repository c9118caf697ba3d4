// What people read may be any text; ids stay ids.
import { dag } from '@dagbook/sdk';

const d = dag('example_display_name', { displayName: 'Sample DAG with Display Name', startDate: '2021-01-01', catchup: false, tags: ['example'] });

const first = d.empty('sample_task_1', { displayName: 'Sample Task 1' });
d.task('sample_task_2', async () => {}, { displayName: 'Sample Task 2' })().after(first);
export default d;
