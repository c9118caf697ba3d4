// Skips what follows in every run but the latest.
import { dag, every } from '@dagbook/sdk';

const d = dag('latest_only', {
  schedule: every('4h'), startDate: '2021-01-01', catchup: false, tags: ['example', 'example2', 'example3'],
  doc: 'What is worth doing only for the newest interval, such as a dashboard, follows `latest_only`.',
});

d.empty('task1').after(d.latestOnly('latest_only'));
export default d;
