import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { ProcessWatch } from './process-watch.mjs';

const started: number[] = [];
let watch: ProcessWatch | undefined;
afterEach(() => {
  watch?.stop();
  for (const pid of started.splice(0)) process.kill(pid, 'SIGKILL');
});

/** A shell that prints the pid of the `sleep` it starts. */
async function sleeperOf(shell: ChildProcess): Promise<number> {
  const [line] = (await once(shell.stdout!, 'data')) as [Buffer];
  const pid = Number(line.toString());
  started.push(pid);
  return pid;
}

test('an orphan that has forgotten its environment is still ours', async () => {
  watch = new ProcessWatch('DAGBOOK_WATCH_SPEC=none', 60_000);
  const shell = spawn('sh', ['-c', 'setsid env -i sleep 60 >/dev/null 2>&1 & echo $!; cat'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const pid = await sleeperOf(shell);
  await expect.poll(() => readFileSync(`/proc/${pid}/comm`, 'utf8')).toBe('sleep\n');
  watch.look();
  shell.stdin.end();
  await once(shell, 'exit');
  expect(await watch.leftovers(0)).toContainEqual({ pid, command: 'sleep 60' });
});

test('a process with our mark is ours, whoever its parent is', async () => {
  const shell = spawn('sh', ['-c', 'setsid sleep 60 >/dev/null 2>&1 & echo $!'], { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, DAGBOOK_WATCH_SPEC: 'marked' } });
  const pid = await sleeperOf(shell);
  if (shell.exitCode === null) await once(shell, 'exit');
  await expect.poll(() => readFileSync(`/proc/${pid}/comm`, 'utf8')).toBe('sleep\n');
  watch = new ProcessWatch('DAGBOOK_WATCH_SPEC=marked', 60_000);
  expect(await watch.leftovers(0)).toEqual([{ pid, command: 'sleep 60' }]);
  expect(new ProcessWatch('DAGBOOK_WATCH_SPEC=other', 60_000).running().filter((left) => left.pid === pid)).toEqual([]);
});

test('what has ended is not left over', async () => {
  watch = new ProcessWatch('DAGBOOK_WATCH_SPEC=ended', 60_000);
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
  watch.look();
  expect(watch.running().map(({ pid }) => pid)).toContain(child.pid);
  child.stdin.end();
  await once(child, 'exit');
  expect(watch.running().map(({ pid }) => pid)).not.toContain(child.pid);
});
