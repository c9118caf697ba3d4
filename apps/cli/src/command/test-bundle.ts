import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { ParsedFile } from '@dagbook/bundles';
import { CliFailure } from '../failure.ts';
import type { Session } from '../session.ts';
import type { TestAnswer, TestRequest } from '../test-protocol.ts';
import { scanFolder, sdkPath } from './dag-folder.ts';

type Asked = Omit<TestRequest, 'bundlePath' | 'sdkPath' | 'dagId' | 'bundle'>;

/**
 * Hands the bundle that the scheduler would make to a child, with the files that go along with it as a worker would have them: author
 * code never runs in the CLI's own process.
 */
export async function askOfDag(session: Session, { dagId, dags }: { readonly dagId: string; readonly dags: string }, asked: Asked): Promise<Exclude<TestAnswer, { readonly kind: 'failed' }>> {
  const { terminal } = session;
  const found = await fileOf(session, dagId, resolve(terminal.cwd, dags));
  const scratch = mkdtempSync(join(tmpdir(), 'dagbook-test-'));
  try {
    const bundlePath = join(scratch, 'bundle.mjs');
    writeFileSync(bundlePath, found.bundle.code);
    const answer = await inChild(session, { ...asked, bundlePath, dagId, sdkPath: sdkPath(terminal), ...unpacked(found, join(scratch, 'files')) });
    if (answer.kind === 'failed') throw new CliFailure('failed', answer.message);
    return answer;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function fileOf({ terminal }: Session, dagId: string, folder: string): Promise<ParsedFile> {
  const { changed, failed } = await scanFolder(terminal, { folder });
  const found = changed.find(({ definitions }) => definitions.some(({ definition }) => definition.dagId === dagId));
  if (found !== undefined) return found;
  for (const { file, error } of failed) terminal.err(`${file}: ${error.message}\n`);
  throw new CliFailure('notFound', `No file in ${folder} defines the DAG ${dagId}.`, failed.length === 0 ? 'Name its folder with --dags.' : 'Correct the files above, or name another folder with --dags.');
}

function unpacked({ file, files }: ParsedFile, folder: string): Pick<TestRequest, 'bundle'> {
  if (files === undefined) return {};
  for (const { path, base64 } of files.files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), Buffer.from(base64, 'base64'), { mode: 0o755 });
  }
  return { bundle: { folder, dagFolder: join(folder, dirname(file)), hash: files.hash } };
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
