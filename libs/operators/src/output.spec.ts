import { expect, test } from 'vitest';
import { rigOf } from '../test/rig.ts';
import { Output } from './output.ts';

const MiB = 2 ** 20;

test('a last line that goes to the log in pieces is whole as a result', () => {
  const { context, lines } = rigOf();
  const output = new Output(context);
  output.stdout.push(Buffer.from('before\n'));
  for (const part of ['a'.repeat(1.5 * MiB), 'b'.repeat(MiB), 'c']) output.stdout.push(Buffer.from(part));
  output.end();
  expect(lines).toHaveLength(4);
  expect(output.lastLine === `${'a'.repeat(1.5 * MiB)}${'b'.repeat(MiB)}c`).toBe(true);
});

test('one of more than 32 Mi characters is no result', () => {
  const output = new Output(rigOf().context);
  for (let sent = 0; sent < 33; sent += 1) output.stdout.push(Buffer.alloc(MiB, 'a'));
  output.end();
  expect(() => output.lastLine).toThrow('the last line of stdout, which is the result, has 34603008 characters, but must have at most 33554432: write it to a file or to S3, and print where it is');
  output.stdout.push(Buffer.from('short\n'));
  expect(output.lastLine).toBe('short');
});
