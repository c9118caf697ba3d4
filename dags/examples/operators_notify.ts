// A request, and a word to the team however it ended. Needs the connections `api`, `slack_default`, `smtp_default` and `alerts`.
import { dag, email, http, slack, webhook } from '@dagbook/sdk';

const d = dag('operators_notify', { startDate: '2026-01-01', tags: ['example', 'operators'] });

const rates = d.task('rates', http<{ krw: number }>({ connection: 'api', url: '/rates', query: { base: 'USD' }, within: '10s' }), { retries: 3, retryDelay: '10s' })();
const text = d.task('text', async ({ krw }: { krw: number }, { ds }) => `${ds}: ${krw} KRW`);
const message = text({ krw: rates.get('krw') });
d.task('tell', slack({ text: message }))();
d.task('mail', email({ to: 'team@example.com', subject: 'Rates', text: message }))();
d.task('alert', webhook({ connection: 'alerts', payload: { dag: '{{ dag.dag_id }}', krw: rates.get('krw') } }))();
export default d;
