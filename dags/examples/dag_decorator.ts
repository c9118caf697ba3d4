// A request, what is made of its answer, and a command that says it; the address is a param of the run.
import { isIP } from 'node:net';
import { bash, dag, http } from '@dagbook/sdk';
import { z } from 'zod';

const d = dag('example_dag_decorator', {
  startDate: '2021-01-01', catchup: false, tags: ['example'], doc: 'Asks for the IP address of this host and says it.',
  params: z.object({ url: z.url().default('https://httpbingo.org/get').describe('Where the IP address is asked for') }),
});

const answer = d.task('get_ip', http({ url: '{{ params.url }}', output: z.object({ origin: z.string() }) }))();
const prepared = d.task('prepare_command', async ({ ip }: { ip: string }) => {
  if (isIP(ip) === 0) throw new Error(`Invalid IP address: '${ip}'.`);
  return { sentence: `Seems like today your server is connected from IP ${ip}` };
})({ ip: answer.get('origin') });
d.task('echo_ip_info', bash({ command: 'echo "$SENTENCE"', env: { SENTENCE: prepared.get('sentence') } }))();
export default d;
