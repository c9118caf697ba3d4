import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CliFailure } from '../failure.ts';
import { printOne, tableOf, type Shape } from '../format/print.ts';
import { jsonOrText, readParams } from '../input.ts';
import type { Session } from '../session.ts';
import type { TestAnswer, TestRequest } from '../test-protocol.ts';
import { scanFolder, sdkPath } from './dag-folder.ts';

export interface DagTestOptions {
  readonly dags: string;
  readonly date?: string;
  readonly params?: string;
  readonly set: readonly string[];
  readonly mock: readonly string[];
}

type Tested = Extract<TestAnswer, { readonly kind: 'ended' }>;

const TESTED: Shape<Omit<Tested, 'kind'>> = { id: (one) => one.dag_id, columns: { dag: (one) => one.dag_id, state: (one) => one.state } };
const TASK: Shape<Tested['tasks'][number]> = { id: (task) => task.task_id, columns: { task: (task) => task.task_id, state: (task) => task.state } };

/** The bundle that the scheduler would make, run by `dag.test` in a child: author code never runs in the CLI's own process. */
export async function testDag(session: Session, dagId: string, options: DagTestOptions): Promise<void> {
  const { terminal } = session;
  const params = await readParams(terminal, options.params, options.set);
  const folder = resolve(terminal.cwd, options.dags);
  const { changed, failed } = await scanFolder(terminal, { folder });
  const found = changed.find(({ definitions }) => definitions.some(({ definition }) => definition.dagId === dagId));
  if (found === undefined) {
    for (const { file, error } of failed) terminal.err(`${file}: ${error.message}\n`);
    throw new CliFailure('notFound', `No file in ${folder} defines the DAG ${dagId}.`, failed.length === 0 ? 'Name its folder with --dags.' : 'Correct the files above, or name another folder with --dags.');
  }
  const scratch = mkdtempSync(join(tmpdir(), 'dagbook-test-'));
  try {
    const bundlePath = join(scratch, 'bundle.mjs');
    writeFileSync(bundlePath, found.bundle.code);
    const request: TestRequest = {
      bundlePath, dagId, folder, params, sdkPath: sdkPath(terminal), mocks: options.mock.map(readMock), ...(options.date === undefined ? {} : { logicalDate: options.date }),
    };
    const answer = await inChild(session, request);
    if (answer.kind === 'failed') throw new CliFailure('failed', answer.message);
    const { kind: _, ...tested } = answer;
    printOne(terminal, session.format, tested, TESTED, tableOf(terminal, tested.tasks, TASK));
    if (tested.state === 'failed') throw new CliFailure('failed', `The test run of ${dagId} failed.`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function readMock(text: string): TestRequest['mocks'][number] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new CliFailure('usage', `--mock "${text}" names no task and answer.`, `Give it like --mock fetch='{"rows": 3}'.`);
  return { taskId: text.slice(0, equals), value: jsonOrText(text.slice(equals + 1)) };
}

async function inChild({ terminal }: Session, request: TestRequest): Promise<TestAnswer> {
  // What the tasks print goes to stderr: stdout is for the result.
  const child = fork(join(terminal.root, 'dist/cli/test-child.js'), { stdio: ['ignore', 2, 2, 'ipc'], execArgv: ['--enable-source-maps'], cwd: terminal.cwd, env: terminal.env });
  const stop = (): void => void child.kill('SIGKILL');
  terminal.signal.addEventListener('abort', stop);
  try {
    return await new Promise<TestAnswer>((done, fail) => {
      child.once('message', (answer: TestAnswer) => done(answer));
      child.once('error', fail);
      child.once('exit', (code, signal) => done({ kind: 'failed', message: `The process of the test ended before the run did (${signal ?? `exit code ${code ?? 'unknown'}`}).` }));
      child.send(request);
    });
  } finally {
    terminal.signal.removeEventListener('abort', stop);
    stop();
  }
}
