import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failureOf, rigOf } from '../test/rig.ts';
import { writeWheel } from '../test/wheel.ts';
import { python } from './python.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dagbook-python-'));
  process.env['XDG_CACHE_HOME'] = join(folder, 'cache');
});
afterAll(() => {
  delete process.env['XDG_CACHE_HOME'];
  rmSync(folder, { recursive: true, force: true });
});

const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

test('a function of a module gets its input as keyword arguments and its value is the result', async () => {
  file('orders.py', 'def clean(rows, factor=1):\n    print("cleaning", len(rows))\n    return {"rows": [row * factor for row in rows], "city": "서울"}\n');
  const { context, lines } = rigOf();
  expect(await python({ module: 'orders', callable: 'clean', path: [folder], input: { rows: [1, 2.5], factor: 2 } }, context)).toEqual({ rows: [2, 5], city: '서울' });
  expect(lines).toEqual(['task.stdout info: cleaning 2']);
});

test('a file runs as a script, knows its neighbours and hands over a result', async () => {
  file('neighbour.py', 'GREETING = "hello"\n');
  const script = file('script.py', 'import dagbook, neighbour, os\nif __name__ == "__main__":\n    dagbook.result([neighbour.GREETING, dagbook.input, os.environ["DAGBOOK_DS"]])\n');
  expect(await python({ file: script, input: 'world' }, rigOf().context)).toEqual(['hello', 'world', '2026-01-01']);
});

test('code that came with the DAG runs too, async functions included', async () => {
  expect(await python({ code: 'async def f(a):\n    return a + 1', callable: 'f', input: { a: 1 } }, rigOf().context)).toBe(2);
  expect(await python({ code: 'print("only said")' }, rigOf().context)).toBeNull();
});

test('a value of 10 MB goes in and out; hostile text stays text', async () => {
  const hostile = `'"; import os; os._exit(7) #\n{{ 7*7 }} \\ \u0000`;
  const big = 'x'.repeat(10_000_000);
  expect(await python({ code: 'def f(**given): return given', callable: 'f', input: { hostile, big } }, rigOf().context)).toEqual({ hostile, big });
});

test('an exception fails with its name, its text and the author\'s frames only', async () => {
  const script = file('broken.py', 'def load():\n    raise ValueError("no rows for 2026-01-01")\nload()\n');
  const { context, lines } = rigOf();
  const failure = await failureOf(python({ file: script }, context));
  expect(failure).toMatchObject({ code: 'error', message: 'ValueError: no rows for 2026-01-01', retry: true });
  expect(failure.detail?.split('\n').filter((line) => line.includes('File '))).toEqual([`  File "${script}", line 3, in <module>`, `  File "${script}", line 2, in load`]);
  expect(lines.at(-1)).toBe('task.stderr error: ValueError: no rows for 2026-01-01');
});

test('a task skips, fails for good, and ends by exit code', async () => {
  const { context } = rigOf();
  const run = (code: string) => python({ code: `import dagbook, sys\n${code}` }, context);
  await expect(run('raise dagbook.SkipTask("nothing to do")')).rejects.toMatchObject({ name: 'SkipTask', message: 'nothing to do' });
  await expect(run('raise dagbook.FailTask("wrong for good")')).rejects.toMatchObject({ name: 'FailTask', message: 'wrong for good' });
  await expect(run('sys.exit(99)')).rejects.toMatchObject({ name: 'SkipTask' });
  expect(await failureOf(run('sys.exit("disk is full")'))).toMatchObject({ code: 'exit_code', message: 'the Python code ended with exit code 1: disk is full', detail: 'disk is full' });
  expect(await failureOf(run('import os; os._exit(5)'))).toMatchObject({ code: 'exit_code', message: 'the Python code ended with exit code 5' });
  expect(await run('dagbook.result(1); sys.exit(0)')).toBe(1);
});

test('a result that JSON cannot hold says what it is', async () => {
  expect(await failureOf(python({ code: 'def f(): return {1, 2}', callable: 'f' }, rigOf().context))).toMatchObject({
    code: 'bad_output', message: 'the result of the Python code cannot be written as JSON: TypeError: Object of type set is not JSON serializable',
  });
  expect((await failureOf(python({ code: 'def f(): return float("nan")', callable: 'f' }, rigOf().context))).code).toBe('bad_output');
});

test.each([
  [{}, 'python: give exactly one of file, module and code; there is none'],
  [{ file: 'a.py', module: 'a' }, 'python: give exactly one of file, module and code; there are file and module'],
  [{ file: '/no/such.py' }, 'there is no file /no/such.py on this worker'],
  [{ module: 'no_such_module', callable: 'f' }, "there is no Python module 'no_such_module' on this worker; 'path' names folders to look in"],
  [{ code: 'x = 1', callable: 'x' }, "there is nothing to call by the name 'x' in the code"],
])('refuses %j', async (fields, message) => {
  expect(await failureOf(python(fields, rigOf().context))).toMatchObject({ code: 'bad_input', message, retry: false });
});

test('an aborted task ends its interpreter', async () => {
  const abort = new AbortController();
  const { context, waitFor } = rigOf({ abort });
  const run = failureOf(python({ code: 'import time\nprint("up")\ntime.sleep(1000)' }, context));
  await waitFor((line) => line.endsWith('up'));
  abort.abort();
  expect(await run).toMatchObject({ code: 'killed', message: 'the Python code was ended by SIGTERM' });
});

test('requirements make an environment once; two tasks at the same time share the first that is complete', async () => {
  writeWheel(folder, 'greeting', '1.0', "WORD = 'annyeong'");
  const fields = { code: 'import greeting\ndef f(): return greeting.WORD', callable: 'f', requirements: ['--no-index', `--find-links ${folder}`, 'greeting==1.0'] };
  const [first, second] = [rigOf(), rigOf()];
  expect(await Promise.all([python(fields, first.context), python(fields, second.context)])).toEqual(['annyeong', 'annyeong']);
  const third = rigOf();
  expect(await python(fields, third.context)).toBe('annyeong');
  expect(third.lines).toEqual([]);
  expect(readdirSync(join(folder, 'cache', 'dagbook', 'python')).length).toBe(2);
});

test('requirements that do not resolve fail with a sentence and leave nothing', async () => {
  const before = readdirSync(join(folder, 'cache', 'dagbook', 'python'));
  const failure = await failureOf(python({ code: '1', requirements: ['--no-index', 'no-such-package==9'] }, rigOf().context));
  expect(failure).toMatchObject({ code: 'error', message: 'pip could not install the requirements --no-index, no-such-package==9: No matching distribution found for no-such-package==9' });
  expect(readdirSync(join(folder, 'cache', 'dagbook', 'python'))).toEqual(before);
});
