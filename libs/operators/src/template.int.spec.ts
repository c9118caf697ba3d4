import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bash, dag, provideOperators, python } from '@dagbook/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { operators } from './registry.ts';

/** Templates through to the programs that get what they print. */
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dagbook-template-'));
  provideOperators(operators);
});
afterAll(() => {
  provideOperators({});
  rmSync(folder, { recursive: true, force: true });
});

const HUGE = 'x'.repeat(10 * 1024 * 1024);

test('a shell reads what a template prints as data', async () => {
  const d = dag('d', { params: z.object({ name: z.string() }) });
  const run = d.task('run', bash({ command: "printf '%s|' '{{ params.name }}' \"{{ params.name | upper }}\" {{ ds }}; echo" }))();
  const result = await d.test({ params: { name: '$(echo pwned); `id`\'"' }, logicalDate: '2027-01-05', log: () => undefined });
  expect(result.value(run)).toBe(`$(echo pwned); \`id\`'"|$(ECHO PWNED); \`ID\`'"|2027-01-05|`);
});

test('10 MB pass through a template to where there is room, and are refused with a sentence where there is not', async () => {
  const d = dag('d');
  const large = d.task('large', () => HUGE)();
  const length = d.task('length', python({ code: 'def length(text): return len(text)', callable: 'length', input: "{{ ti.xcom_pull('large') }}" }))();
  const shell = d.task('shell', bash({ command: "echo '{{ ti.xcom_pull('large') }}'" }))();
  const beyond = d.task('beyond', python({ code: 'pass', input: "{% for n in range(4) %}{{ ti.xcom_pull('large') }}{% endfor %}" }))();
  for (const reader of [length, shell, beyond]) reader.after(large);
  const said: string[] = [];
  const result = await d.test({ log: ({ level, task, event }) => level === 'error' && said.push(`${task}: ${event}`) });
  expect(result.value(length)).toBe(HUGE.length);
  expect([result.stateOf(shell), result.stateOf(beyond)]).toEqual(['failed', 'failed']);
  expect(said).toEqual([
    'shell: the command could not start: a value of its environment, or all together, is larger than the system allows (128 KB one, about 2 MB all): hand large values over by file, or as the input of python',
    "beyond: input of 'beyond' cannot be rendered: LimitError: The template writes more than 33554432 characters.",
  ]);
});

test('a field that names a file of the folder is what the file says', async () => {
  writeFileSync(join(folder, 'greet.sh'), 'echo "{% include \'name.txt\' %} on {{ ds }}"');
  writeFileSync(join(folder, 'name.txt'), '서울 {{ params.n }}');
  const d = dag('d', { params: z.object({ n: z.number().default(3) }) });
  const greet = d.task('greet', bash({ command: 'greet.sh' }))();
  expect((await d.test({ logicalDate: '2027-01-05', folder, log: () => undefined })).value(greet)).toBe('서울 3 on 2027-01-05');
});
