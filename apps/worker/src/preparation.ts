import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionApi } from '@dagbook/contracts';
import { errorAttributes, type Log, WakeableLoop } from '@dagbook/platform';
import { type AsideLoop, type AsideOptions, closedWith, runAside } from './aside.ts';
import type { FileCache } from './file-cache.ts';
import type { RunnerProcess } from './runner-process.ts';

const EVERY_MS = 30_000;
const LISTS = ['requirements.txt', 'package.json'];

/** What the runner is given to do, as if it were a DAG's: a command that does nothing, for which it installs what a command would need. */
const CODE = `import { bash, dag } from '@dagbook/sdk';
const d = dag('preparation', {});
d.task('install', bash({ command: 'true' }))();
export default d;
`;

export interface PreparationOptions extends AsideOptions {
  readonly stateDir: string;
  readonly api: Pick<ExecutionApi, 'filesInUse'>;
  readonly files: Pick<FileCache, 'find'>;
  readonly log: Log;
}

/**
 * Fetches what goes along with DAGs and installs their lists of requirements before a task asks: at the start of the worker, and
 * when a list has changed. A task that comes meanwhile waits for it, as for another task. What could not be installed is
 * left to the tasks that need it, which fail with the reason.
 *
 * State: the hashes that were seen; a runner of its own while it installs.
 */
export function preparation(options: PreparationOptions): AsideLoop {
  const seen = new Set<string>();
  let runner: RunnerProcess | undefined;
  const prepare = async (hash: string): Promise<void> => {
    const folder = await options.files.find(hash);
    seen.add(hash);
    const lists = folder === null ? [] : LISTS.filter((name) => existsSync(join(folder, name)));
    if (folder === null || lists.length === 0) return;
    const bundlePath = join(options.stateDir, 'preparation.mjs');
    writeFileSync(bundlePath, CODE);
    const end = await runAside(options, { bundlePath, files: { folder, dagFolder: folder, hash }, dagId: 'preparation', taskId: 'install' }, {
      onLine: (line) => options.log.info('installing', { line }),
      onCall: async ({ id }) => ({ id, error: { message: 'nothing is answered while requirements are installed' } }),
      onSpawn: (spawned) => (runner = spawned),
    });
    runner = undefined;
    if (end === undefined || end.outcome.kind === 'failed') {
      options.log.error('the requirements beside DAGs could not be installed; their tasks will try again', { lists, filesHash: hash, reason: end?.outcome.kind === 'failed' ? end.outcome.failure.message : 'the process that installed them died' });
    } else options.log.info('the requirements beside DAGs are installed', { lists, filesHash: hash });
  };
  const loop = new WakeableLoop({
    intervalMs: EVERY_MS,
    round: async () => {
      for (const hash of await options.api.filesInUse()) if (!seen.has(hash)) await prepare(hash);
    },
    onError: (error) => options.log.warn('could not look for requirements to install', errorAttributes(error)),
  });
  // An installation that is ended half way is begun anew by the next.
  return closedWith(loop, () => runner);
}
