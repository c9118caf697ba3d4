// Edges that say what they mean: the graph shows `No errors` and `Errors found` beside the two ways.
import { dag, label } from '@dagbook/sdk';

const d = dag('example_branch_labels', { schedule: '@daily', startDate: '2021-01-01', catchup: false, tags: ['example'] });

const check = d.empty('check_integrity').after(d.empty('analyze').after(d.empty('ingest')));
const save = d.empty('save').after(label('No errors', check));
const describe = d.empty('describe_integrity').after(label('Errors found', check));
d.empty('report').after(save, d.empty('email_error').after(describe));
export default d;
