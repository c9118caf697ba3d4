// The same tasks again until they have got somewhere, at most so many times: each iteration with tasks, logs and tries of its own.
import { dag } from '@dagbook/sdk';

const d = dag('example_task_loops', { startDate: '2021-01-01', tags: ['example'] });

const guess = d.task('first_guess', async () => 1)();

// Newton's way to the square root of 2: better by each iteration, good enough after a few.
const root = d.loop('improve', guess, (iteration, previous, index) =>
  iteration.task('step', async ({ x }: { x: number }, { log }) => {
    const better = (x + 2 / x) / 2;
    log.info(`iteration ${index}: ${better}`);
    return better;
  })({ x: previous }), { maxIterations: 8, until: (x) => Math.abs(x * x - 2) < 1e-9 });

d.task('tell', async ({ x }: { x: number }, { log }) => log.info(`the square root of 2 is about ${x.toFixed(6)}`))({ x: root });

export default d;
