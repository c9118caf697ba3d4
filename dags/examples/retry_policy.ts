// What went wrong decides: a busy service is asked again soon, a wrong password is not tried twice.
import { dag, type RetryRule } from '@dagbook/sdk';

class Busy extends Error {}
class Denied extends Error {}

const retryPolicy: readonly RetryRule[] = [
  { on: Busy, action: 'retry', delay: '50ms' },
  { on: Denied, action: 'fail' },
];
const d = dag('example_retry_policy', { startDate: '2026-01-01', tags: ['example'], defaults: { retries: 3, retryDelay: '5m', retryPolicy } });

const asked = d.task('ask_a_busy_service', async (_, { tryNumber }) => {
  if (tryNumber < 3) throw new Busy('come back later');
  return tryNumber;
})();
const denied = d.task('ask_with_a_wrong_password', async () => { throw new Denied('who are you?'); })();
d.task('whatever_came_of_it', async () => 'done', { triggerRule: 'all_done' })().after(asked, denied);
export default d;
