// Skips what follows in every run but the latest.
import { dag } from '@dagbook/sdk';

const d = dag('example_latest_only', { schedule: '0 */4 * * *', startDate: '2021-01-01', catchup: false, tags: ['example2', 'example3'] });

d.empty('task1').after(d.latestOnly('latest_only'));
export default d;
