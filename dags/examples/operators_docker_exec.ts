// A command in a container that runs already, found by its name. Needs one that is called `etl`, or another that the run names.
import { dag, dockerExec } from '@dagbook/sdk';
import { z } from 'zod';

const d = dag('operators_docker_exec', {
  startDate: '2026-01-01', tags: ['example', 'operators'],
  params: z.object({ container: z.string().default('etl') }),
});

const counted = d.task('count', dockerExec({
  container: '{{ params.container }}', command: `ls / | grep -c . >&2; echo '{"run":"'"$RUN"'"}'`, env: { RUN: '{{ run_id }}' },
  output: z.object({ run: z.string() }),
}), { retries: 2, retryDelay: '10s' })();
d.task('tell', async ({ run }: { run: string }, { log }) => log.info(`inside for ${run}`))({ run: counted.get('run') });
export default d;
