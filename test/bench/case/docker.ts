import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startEngineRig, type EngineRig } from '@dagbook/testkit';
import { check, percentile, type Benchmark } from '../figure.ts';
import { checkTasks } from '../journal-check.ts';
import { startProduct, type Product } from '../../harness/product.ts';
import { warmUp } from '../warm-up.ts';

/** Of tasks in a line, and of `docker run` before and after each line: the machine's drift falls on both. */
const ROUNDS = 5;
const LENGTH = 5;

const containersDag = (image: string): string => `
import { dag, docker } from '@dagbook/sdk';
const d = dag('containers', { schedule: null });
let before;
for (let n = 0; n < ${LENGTH}; n++) {
  const ref = d.task('t' + n, docker({ image: '${image}', command: ['echo', 't' + n], pull: 'never', network: 'none' }))();
  if (before) ref.after(before);
  before = ref;
}
export default d;
`;

export const dockerOverhead: Benchmark = {
  name: 'docker-overhead',
  says: `a docker task, from ready to success, against \`docker run\` of the same image and command, ${ROUNDS * LENGTH} of each in turns`,
  async run(shape) {
    const rig = await startEngineRig();
    try {
      const product = await startProduct({ shape, env: { DOCKER_HOST: rig.engine.address } });
      try {
        await warmUp(product);
        await product.writeDag('containers', containersDag(rig.image));
        await runOnce(product, 1);
        const [command, api] = [[], []] as [number[], number[]];
        for (let round = 1; round <= ROUNDS; round++) {
          for (let n = 0; n < LENGTH; n++) command.push(await timed(() => dockerRun(rig)));
          await runOnce(product, 1 + round);
          for (let n = 0; n < LENGTH; n++) api.push(await timed(() => bareRun(rig)));
        }
        await checkTasks(product.db, 'containers', (1 + ROUNDS) * LENGTH);
        const tasks = await spansOf(product);
        check(tasks.length === ROUNDS * LENGTH, `${tasks.length} spans`);
        const left = await rig.docker.listContainers({ all: true });
        check(left.length === 0, `${left.length} containers are left`);
        const [task, run, bare] = [percentile(tasks, 0.5), percentile(command, 0.5), percentile(api, 0.5)];
        return { taskMs: task, dockerRunMs: run, engineApiMs: bare, overDockerRunMs: task - run, overEngineApiMs: task - bare, ratio: task / run };
      } finally {
        await product.stop();
      }
    } finally {
      await rig.close();
    }
  },
};

async function runOnce(product: Product, number: number): Promise<void> {
  await product.api('POST', '/api/v2/dags/containers/dagRuns', { dag_run_id: `r${number}`, logical_date: null });
  await product.runsEnded('containers', number);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

/** The command that people type. */
async function dockerRun(rig: EngineRig): Promise<void> {
  const { stdout } = await promisify(execFile)('docker', ['--host', rig.engine.address, 'run', '--rm', '--init', '--network', 'none', '--security-opt', 'no-new-privileges', rig.image, 'echo', 'hello']);
  check(stdout === 'hello\n', `docker run said ${JSON.stringify(stdout)}`);
}

/** The same by the engine's interface, without a program of its own to start: the least that anything could take. */
async function bareRun({ docker, image }: EngineRig): Promise<void> {
  const container = await docker.createContainer({ Image: image, Cmd: ['echo', 'hello'], HostConfig: { Init: true, NetworkMode: 'none', SecurityOpt: ['no-new-privileges'] } });
  await container.start();
  const { StatusCode } = (await container.wait()) as { StatusCode: number };
  check(StatusCode === 0, `a container ended with ${StatusCode}`);
  await container.remove();
}

/** From ready to success, of every task but those of the first run, which loads code. */
async function spansOf(product: Product): Promise<number[]> {
  const { rows } = await product.db.query<{ span: string; wrong: boolean }>(
    `SELECT max((data->>'atMs')::bigint) FILTER (WHERE type = 'TaskSucceeded') - min((data->>'atMs')::bigint) FILTER (WHERE type = 'TaskScheduled') AS span,
            bool_or(type = 'TaskSucceeded' AND data->'result'->>'value' IS DISTINCT FROM data->>'taskId') AS wrong
     FROM events WHERE stream_id > 'run-containers/r1' AND stream_id < 'run-containers/s' AND type IN ('TaskScheduled', 'TaskSucceeded') GROUP BY stream_id, data->>'taskId'`,
  );
  check(rows.every(({ wrong }) => !wrong), 'a task did not say its own name');
  return rows.map(({ span }) => Number(span));
}
