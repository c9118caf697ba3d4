// What went wrong decides: a busy service is asked again soon, a wrong password is not tried twice.
import { dag, type RetryRule } from '@dagbook/sdk';

class Busy extends Error {}
class Denied extends Error {}

const retryPolicy: readonly RetryRule[] = [
  { on: Busy, action: 'retry', delay: '50ms' },
  { on: Denied, action: 'fail' },
];
const spec = { tags: ['example', 'retry_policy'] };
const retries = { retries: 5, retryDelay: '1m', retryPolicy } as const;

const busy = dag('example_retry_policy', spec);
busy.task('call_external_api', async (_, { tryNumber }) => {
  if (tryNumber < 3) throw new Busy('Rate limit, backing off');
  return { rows: tryNumber };
}, retries)();

const denied = dag('retry_policy_denied', spec);
const asked = denied.task('call_external_api', async (): Promise<void> => { throw new Denied('who are you?'); }, retries)();
denied.task('whatever_came_of_it', async () => 'done', { triggerRule: 'all_done' })().after(asked);

export default [busy, denied];
