import { expect, test } from 'vitest';
import { authorStack } from './author-stack.ts';

test('keeps what the author wrote, by the paths that the author knows', () => {
  const stack = ['Error: empty', '    at read (dag://bundle/lib/read.ts:3:9)', '    at async dag://bundle/weather.ts:45:30', '    at runTask (/opt/dagbook/sdk/index.js:33:89)', '  [cause]: ENOENT'];
  expect(authorStack(stack.join('\n'))).toBe(['Error: empty', '    at read (lib/read.ts:3:9)', '    at async weather.ts:45:30', '  [cause]: ENOENT'].join('\n'));
});

test('leaves alone what has no frame of the author', () => {
  expect(authorStack('line 1\n    at noon\nline 3')).toBe('line 1\n    at noon\nline 3');
});
