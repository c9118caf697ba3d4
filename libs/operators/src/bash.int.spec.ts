import { SkipTask } from '@dagbook/sdk';
import { expect, test } from 'vitest';
import { failureOf, rigOf } from '../test/rig.ts';
import { bash } from './bash.ts';

test('the last line of stdout is the result, all output is log', async () => {
  const { context, lines } = rigOf();
  expect(await bash({ command: 'echo one; echo two; printf three' }, context)).toBe('three');
  expect(lines).toEqual(['task.stdout info: one', 'task.stdout info: two', 'task.stdout info: three']);
});

test('without output the result is null, and stderr is no result', async () => {
  const { context, lines } = rigOf();
  expect(await bash({ command: 'echo careful >&2' }, context)).toBeNull();
  expect(lines).toEqual(['task.stderr error: careful']);
});

test('values reach the command through the environment, never as code', async () => {
  const { context } = rigOf();
  const hostile = '$(touch /tmp/owned); `id` "\'; exit 3\n안녕';
  expect(await bash({ command: 'printf %s "$NAME" | tr "\\n" _; printf " %s %s" "$DAGBOOK_DS" "$LIST"', env: { NAME: hostile, LIST: [1, { a: 2 }], GONE: null } }, context)).toBe(
    '$(touch /tmp/owned); `id` "\'; exit 3_안녕 2026-01-01 [1,{"a":2}]',
  );
});

test('exit code 99 skips; the author may choose others or none', async () => {
  const { context } = rigOf();
  await expect(bash({ command: 'exit 99' }, context)).rejects.toBeInstanceOf(SkipTask);
  await expect(bash({ command: 'exit 7', skipOnExitCode: [7, 8] }, context)).rejects.toBeInstanceOf(SkipTask);
  expect((await failureOf(bash({ command: 'exit 99', skipOnExitCode: null }, context))).code).toBe('exit_code');
});

test('another exit code fails with the last lines of output', async () => {
  const { context } = rigOf();
  const failure = await failureOf(bash({ command: 'for n in $(seq 30); do echo line $n; done; exit 4' }, context));
  expect(failure).toMatchObject({ code: 'exit_code', message: 'the command ended with exit code 4', retry: true });
  expect(failure.detail).toBe(Array.from({ length: 20 }, (_, line) => `line ${line + 11}`).join('\n'));
});

test('a command that a signal ends says which', async () => {
  const { context } = rigOf();
  expect(await failureOf(bash({ command: 'kill -SEGV $$' }, context))).toMatchObject({ code: 'killed', message: 'the command was ended by SIGSEGV' });
});

test('an aborted task ends its command', async () => {
  const abort = new AbortController();
  const { context, waitFor } = rigOf({ abort });
  const up = waitFor((line) => line.endsWith(': up'));
  const run = failureOf(bash({ command: 'echo up; exec sleep 1000' }, context));
  await up;
  abort.abort();
  expect(await run).toMatchObject({ code: 'killed', message: 'the command was ended by SIGTERM' });
});

test('runs in the folder that cwd names, and says so when there is none', async () => {
  const { context } = rigOf();
  expect(await bash({ command: 'pwd', cwd: '/usr' }, context)).toBe('/usr');
  expect((await failureOf(bash({ command: 'pwd', cwd: '/no/such' }, context))).message).toContain('the folder /no/such (cwd)');
});

test.each([
  [{ command: '' }, 'bash: command is "", but must be a text that is not empty'],
  [{ command: 3 }, 'bash: command is 3, but must be a text that is not empty'],
  [{ command: 'a\0b' }, 'bash: command is "a\\u0000b", but must be a text without NUL characters'],
  [{ command: 'true', env: { '1A': 'x' } }, 'bash: env.1A is "1A", but must be named by letters, digits and _, not beginning with a digit'],
  [{ command: 'true', env: { A: 'x\0' } }, 'bash: env.A is "x\\u0000", but must be a text without NUL characters'],
  [{ command: 'true', cwd: 7 }, 'bash: cwd is 7, but must be a path'],
  [{ command: 'true', skipOnExitCode: 0 }, 'bash: skipOnExitCode is 0, but must be whole numbers from 1 to 255, or null'],
])('refuses %j without a retry', async (fields, message) => {
  expect(await failureOf(bash(fields, rigOf().context))).toMatchObject({ code: 'bad_input', message, retry: false });
});

test('a value larger than the system takes fails with a sentence', async () => {
  expect((await failureOf(bash({ command: 'true', env: { BIG: 'x'.repeat(10_000_000) } }, rigOf().context))).message).toContain('larger than the system allows');
});
