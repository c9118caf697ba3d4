// Containers on the worker's own engine: one for a task, and tidying up.
import { dag, docker, dockerClean } from '@dagbook/sdk';
import { z } from 'zod';

const d = dag('operators_docker', {
  startDate: '2026-01-01', tags: ['example', 'operators'],
  params: z.object({ image: z.string().default('busybox:latest') }),
});

// Params and results reach a field as a task's result does; a first task hands on what the run was asked for.
const image = d.task('image', async (_, { params }) => params.image)();
const counted = d.task('count', docker({
  image, command: `for n in $(seq 3); do echo "line $n"; done; echo '{"lines":3}'`, memory: '64m', cpus: 0.5,
  output: z.object({ lines: z.number().int() }),
}), { timeout: '10m' })();

d.task('show', docker({ image, command: 'echo "$LINES_SEEN lines"', env: { LINES_SEEN: counted.get('lines') } }))();
d.task('tidy', dockerClean({ olderThan: '7d', labels: 'dagbook.dag', dryRun: true }), { triggerRule: 'all_done' })().after(counted);
export default d;
