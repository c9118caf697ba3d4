// Docs of a DAG and of a task, in Markdown, are shown beside them.
import { bash, dag } from '@dagbook/sdk';

const doc = `
## Nightly totals
Reads the day's orders and adds them up. **Owner**: the data team; when it fails, see the *runbook*.
`;
const d = dag('example_markdown_doc', { schedule: '@daily', startDate: '2021-01-01', doc, tags: ['example'] });

d.task('print_date', bash({ command: 'date --utc +%F' }), { doc: 'Says which day it is, `date --utc +%F`.' })();
export default d;
