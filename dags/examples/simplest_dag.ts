// The least that a DAG is.
import { dag } from '@dagbook/sdk';

const d = dag('example_simplest_dag', { tags: ['example'] });
d.task('my_task', async () => {})();
export default d;
