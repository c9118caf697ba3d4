import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProduct, type Product } from '../harness/product.ts';

/**
 * What only a running Dagbook can be given wrong, and what it says: at a trigger, by REST and CLI, and while a task runs. What
 * a DAG file alone gets wrong is in `libs/sdk/src/bad-definition.spec.ts`.
 */
const ROOT = process.env['DAGBOOK_ROOT'] ?? process.cwd();

/** Each a DAG of its own with the task `t` that fails; its log ends with the sentence. */
const FAILS: { readonly [about: string]: readonly [tasks: string, sentence: string] } = {
  'mapping over a number': [`const s = d.task('t', async () => 5)(); d.task('u', f).expand({ x: s });`, 'The result of t is a number, but another task is mapped over it: return a list or an object.'],
  'mapping over null': [`const s = d.task('t', async () => null)(); d.task('u', f).expand({ x: s });`, 'The result of t is null, but another task is mapped over it: return a list or an object.'],
  'mapping over nothing': [`const s = d.task('t', async () => undefined)(); d.task('u', f).expand({ x: s });`, 'The result of t is nothing, but another task is mapped over it: return a list or an object.'],
  'mapping over a text': [`const s = d.task('t', async () => 'abc')(); d.task('u', f).expand({ x: s });`, 'The result of t is a string, but another task is mapped over it: return a list or an object.'],
  'mapping over a member that is not there': [`const s = d.task('t', async () => ({ a: [] }))(); d.task('u', f).expand({ x: s.get('b') });`, 'b in the result of t is missing, but another task is mapped over it: return a list or an object.'],
  'mapping over too long a list': [`const s = d.task('t', async () => Array.from({ length: 1025 }, (_, i) => i))(); d.task('u', f).expand({ x: s });`, 'The result of t has 1025 items, but at most 1024 can be mapped over: return fewer, or chunks of them.'],
  'mapping over too many combinations': [`const s = d.task('s', async () => Array.from({ length: 33 }, (_, i) => i))(); d.task('t', f).expand({ x: s, y: s });`, 't would have 1089 task instances, but at most 1024 are allowed: map over fewer values.'],
  'a mapped group over a number': [`const s = d.task('t', async () => 7)(); d.mappedGroup('g', { x: s }, (g, { x }) => { g.task('u', f)({ x }); });`, 'The result of t is a number, but another task is mapped over it: return a list or an object.'],
  'arguments that are no objects': [`const s = d.task('s', async () => [1])(); d.task('t', f).expandKwargs(s);`, "The task failed: expandKwargs of 't' needs objects of arguments; element 0 is a number"],
  'a map() that throws': [`const s = d.task('s', async () => [1])(); d.task('t', f).expand({ x: s.map(() => { throw new Error('cannot map') }) });`, 'The task failed: cannot map'],
  'a map index name that cannot be rendered': [`d.task('t', f, { mapIndexTemplate: '{{ nothing.here }}' }).expand({ x: [1] });`, "The task failed: mapIndexTemplate of 't' cannot be rendered: UndefinedError: 'nothing' is undefined"],
  'a branch to an unknown task': [`const w = d.task('t', async () => 'nowhere')(); d.branch(w, { here: d.empty('here') });`, `The task failed: 't' chose "nowhere", which is no case of its branch; there are 'here'`],
  'a branch by a number': [`const w = d.task('t', async () => 7)(); d.branch(w, { here: d.empty('here') });`, `The task failed: 't' chose 7, which is no case of its branch; there are 'here'`],
  'a branch of which one of two is unknown': [`const w = d.task('t', async () => ['here', 'gone'])(); d.branch(w, { here: d.empty('here') });`, `The task failed: 't' chose "gone", which is no case of its branch; there are 'here'`],
  'a bigint for a result': [`d.task('t', async () => 5n)();`, "The task failed: the result of 't' cannot be written as JSON: Do not know how to serialize a BigInt"],
  'a result that contains itself': [`d.task('t', async () => { const a = {}; a.a = a; return a; })();`, "The task failed: the result of 't' cannot be written as JSON: Converting circular structure to JSON"],
  'a function for a result': [`d.task('t', async () => () => 1)();`, "The task failed: the result of 't' is a function, which JSON cannot hold: return a list, an object, a text, a number, true, false or null"],
  'a Map for a result': [`d.task('t', async () => new Map([[1, 2]]))();`, "The task failed: the result of 't' is a Map, which JSON cannot hold: return a list, an object, a text, a number, true, false or null"],
  'a result that its schema refuses': [`d.task('t', f, { output: { '~standard': { version: 1, vendor: 'x', validate: () => ({ issues: [{ message: 'must be a text', path: ['a', 0] }] }) } } })();`, "The task failed: the result of 't' does not fit its output schema: a.0: must be a text"],
  'throwing a text': [`d.task('t', async () => { throw 'a text'; })();`, 'The task failed: a text'],
  'throwing nothing': [`d.task('t', async () => { throw undefined; })();`, "The task failed: the task threw undefined, which tells nothing: throw new Error('what is wrong')"],
  'ending its process': [`d.task('t', async () => process.exit(0))();`, "The task failed: the task's code called process.exit(0); return or throw to end a task"],
  'a loop without end': [`d.task('t', async () => { for (;;); }, { timeout: '300ms' })();`, 'The task failed: the try took longer than its timeout of 0.3 s and was ended'],
  'a promise that nobody awaits': [`d.task('t', async () => { void Promise.reject(new Error('nobody caught it')); await new Promise((go) => setTimeout(go, 5_000)); })();`, 'The task failed: a promise was rejected and nobody handled it: nobody caught it'],
  'a sensor that answers a number': [`d.sensor('t', async () => 5, { every: '1s' })();`, "The task failed: sensor 't' answered 5: answer poke.done(value) when what it waits for is there, else poke.again()"],
  'a sensor that answers nothing': [`d.sensor('t', async () => undefined, { every: '1s' })();`, "The task failed: sensor 't' answered undefined: answer poke.done(value) when what it waits for is there, else poke.again()"],
  'a sensor whose time is up': [`d.sensor('t', async () => poke.again(), { every: '1s', timeout: '900ms' })();`, "The task failed: sensor 't' waited 900ms in vain"],
  'deferring to no trigger': [`d.task('t', async () => defer({ kind: 'nonsense' }))();`, `The task failed: DagDefinitionError: defer() is {"kind":"nonsense"}: a task is deferred to a trigger. Write defer(trigger.after('1h')), trigger.at(…) or trigger.named('name', arguments).`],
  'deferring to a trigger that it does not have': [`d.task('t', async () => defer(trigger.named('nobody')))();`, "The task failed: the task has no trigger 'nobody': name it in the task's triggers"],
  'a trigger that throws': [`d.task('t', async () => defer(trigger.named('x')), { triggers: { x: async () => { throw new Error('it broke'); } } })();`, 'The task failed: it broke'],
  'a bash without a command': [`d.task('t', bash({}))();`, 'The task failed: bash: command is missing; give a text that is not empty'],
  'a template of what is not there': [`d.task('t', bash({ command: 'echo {{ nothing.x }}' }))();`, "The task failed: command of 't' cannot be rendered: UndefinedError: 'nothing' is undefined"],
  'a template that is not whole': [`d.task('t', bash({ command: 'echo {{ x' }))();`, "The task failed: command of 't' cannot be rendered: TemplateSyntaxError: unexpected end of template, expected 'end of print statement'. (line 1)"],
  'a folder that is not there': [`d.task('t', bash({ command: 'pwd', cwd: '/no/such/folder' }))();`, 'The task failed: the command could not start: the folder /no/such/folder (cwd) or /bin/bash does not exist on this worker'],
};
const failing = Object.keys(FAILS).map((about, index) => [about, `fails_${index}`] as const);

let product: Product;
beforeAll(async () => {
  product = await startProduct({ shape: 'standalone', slots: 8 });
  const sdk = `import { bash, dag, defer, poke, trigger } from '@dagbook/sdk'; const f = async () => 1;`;
  for (const [about, dagId] of failing) writeFileSync(join(product.dags, `${dagId}.ts`), `${sdk} const d = dag('${dagId}', { schedule: '@once' }); ${FAILS[about]?.[0]} export default d;`);
  writeFileSync(join(product.dags, 'broken.ts'), `${sdk} const d = dag('broken'); throw new Error('no database here');`);
  writeFileSync(join(product.dags, 'misspelt.ts'), `${sdk} export default dag('misspelt', { start_date: '2027-01-01' });`);
  await product.writeDag('plain', `${sdk}
    const properties = { day: { type: 'string', pattern: '^[0-9]{8}$' }, n: { type: 'integer', minimum: 1, default: 1 }, size: { enum: ['small', 'large'] } };
    const d = dag('plain', { params: { '~standard': { version: 1, vendor: 'x', validate: (conf) => (conf.day === undefined ? { issues: [{ message: 'no day' }] } : { value: { n: 1, ...conf } }), jsonSchema: { input: () => ({ type: 'object', properties, required: ['day'] }), output: () => ({}) } } } });
    d.task('t', f)();
    export default d;`);
});
afterAll(() => product.stop());

const PATIENCE = { interval: 50, timeout: 60_000 };

describe('a task fails, its run ends, and its log says why, for', () => {
  it.each(failing)('%s', async (about, dagId) => {
    const runs = async (): Promise<readonly { dag_run_id: string; state: string }[]> => {
      try {
        return (await product.api<{ dag_runs: { dag_run_id: string; state: string }[] }>('GET', `/api/v2/dags/${dagId}/dagRuns`)).dag_runs;
      } catch {
        return [];
      }
    };
    await expect.poll(async () => (await runs()).map(({ state }) => state), PATIENCE).toEqual(['failed']);
    const run = `/api/v2/dags/${dagId}/dagRuns/${encodeURIComponent((await runs())[0]?.dag_run_id ?? '')}`;
    const { task_instances: instances } = await product.api<{ task_instances: { task_id: string; map_index: number; state: string; try_number: number }[] }>('GET', `${run}/taskInstances`);
    const failed = instances.find(({ task_id: taskId, state }) => taskId === 't' && state === 'failed');
    const log = (): Promise<string | undefined> => product.api<{ content: readonly { event: string }[] }>('GET', `${run}/taskInstances/t/logs/${Math.max(1, failed?.try_number ?? 0)}?map_index=${failed?.map_index ?? -1}`).then(({ content }) => content.at(-1)?.event);
    await expect.poll(log, PATIENCE).toBe(FAILS[about]?.[1]);
  });
});

describe('a trigger is refused', () => {
  const BODIES: readonly (readonly [dagId: string, body: object, status: number, says: string])[] = [
    ['nobody', { logical_date: null }, 404, 'The DAG with ID: `nobody` was not found'],
    ['plain', { logical_date: 'never' }, 422, 'Input should be an instant in ISO-8601'],
    ['plain', { logical_date: '2027-02-30T00:00:00Z' }, 422, 'Input should be an instant in ISO-8601'],
    ['plain', { logical_date: null, conf: 5 }, 422, 'Input should be a JSON object'],
    ['plain', { logical_date: null, conf: {} }, 400, 'params.day is missing and has no default; give it in conf.'],
    ['plain', { logical_date: null, conf: { day: '2027' } }, 400, 'params.day is "2027", which does not match the pattern ^[0-9]{8}$; give it in that form.'],
    ['plain', { logical_date: null, conf: { day: '20270101', n: 0 } }, 400, 'params.n is 0, which is less than 1; give at least 1.'],
    ['plain', { logical_date: null, conf: { day: '20270101', n: '5' } }, 400, 'params.n is "5", which is no integer; give an integer.'],
    ['plain', { logical_date: null, conf: { day: '20270101', n: null } }, 400, 'params.n is null, which is no integer; give an integer.'],
    ['plain', { logical_date: null, conf: { day: '20270101', size: 'huge' } }, 400, 'params.size is "huge", which is none of the allowed values; use one of "small", "large".'],
    ['plain', { logical_date: null, conf: { day: '20270101', text: 'x'.repeat(30_000) } }, 400, 'the limit is 24000'],
    ['plain', { logical_date: null, dag_run_id: 'a/b' }, 422, 'String should match pattern'],
    ['plain', { logical_date: null, nonsense: 1 }, 422, 'Extra inputs are not permitted'],
    ['plain', { logical_date: '2026-01-01T00:00:00Z', data_interval_start: '2026-01-02T00:00:00Z', data_interval_end: '2026-01-01T00:00:00Z' }, 422, 'The data interval ends before it starts'],
    ['plain', { logical_date: null, run_after: 'soon' }, 422, 'Input should be an instant in ISO-8601'],
  ];

  it.each(BODIES)('by REST: %s %j', async (dagId, body, status, says) => {
    const response = await fetch(`${product.url}/api/v2/dags/${dagId}/dagRuns`, { method: 'POST', headers: { authorization: `Bearer ${product.token}`, 'content-type': 'application/json' }, body: JSON.stringify(body) });
    const { detail } = (await response.json()) as { detail: unknown };
    expect([response.status, typeof detail === 'string' ? detail : JSON.stringify(detail)]).toEqual([status, expect.stringContaining(says)]);
  });

  it.each([
    [['nobody'], 4, 'The DAG with ID: `nobody` was not found'],
    [['plain'], 2, 'params.day is missing and has no default; give it in conf.'],
    [['plain', '--set', 'day="20270101"', '--set', 'n=0'], 2, 'params.n is 0, which is less than 1; give at least 1.'],
    [['plain', '--params', '{oops'], 2, '--params is no JSON'],
    [['plain', '--params', '[1]'], 2, '--params must be a JSON object, not a list.'],
    [['plain', '--logical-date', '2027-02-30'], 2, 'logical_date: Input should be an instant in ISO-8601'],
    [['plain', '--run-id', 'a/b'], 2, 'dag_run_id: String should match pattern'],
  ])('by the CLI: dags trigger %j', async (argv, code, says) => {
    const env = { PATH: process.env['PATH'], HOME: product.dataDir, DAGBOOK_ROOT: ROOT, DAGBOOK_DATA: product.dataDir };
    const answer = await new Promise<{ code: number; err: string }>((resolve) => {
      execFile(process.execPath, [join(ROOT, 'dist/cli/main.js'), 'dags', 'trigger', ...argv], { env }, (error, _, err) => resolve({ code: error === null ? 0 : Number(error.code), err }));
    });
    expect(answer).toEqual({ code, err: expect.stringContaining(says) });
  });
});

it('a file that cannot be read is an import error with its place and its reason, and holds up no other', async () => {
  const { import_errors: errors } = await product.api<{ import_errors: { filename: string; stack_trace: string }[] }>('GET', '/api/v2/importErrors');
  expect(errors.map(({ filename, stack_trace: text }) => [filename, text.split('\n')[0]]).sort()).toEqual([
    ['broken.ts', expect.stringMatching(/^broken\.ts:1:\d+: The file throws while it is read: Error: no database here/)],
    ['misspelt.ts', expect.stringMatching(/^misspelt\.ts:1:\d+: start_date of 'misspelt' is "2027-01-01": there is no such option\. Write startDate\.$/)],
  ]);
});
