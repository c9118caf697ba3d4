import { SecretMask } from '@dagbook/domain';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { asset, aws, bash, dag, docker, http, provideOperators, python, sql } from '../index.ts';
import { runnableOf, type TaskIo, type TaskRunRequest } from '../runnable.ts';

afterEach(() => provideOperators({}));

/** Operators that answer what they were given. */
const echo = async (fields: object, { environment }: { environment: { readonly [name: string]: string } }): Promise<unknown> => ({
  ...fields, values: Object.fromEntries(Object.entries(environment).filter(([name]) => name.startsWith('DAGBOOK_VALUE_'))),
});

const at = { logicalDate: '2027-01-05T00:00:00+09:00', log: () => undefined };

test('texts are rendered at any depth with what Airflow knows', async () => {
  provideOperators({ http: echo });
  const d = dag('lake', {
    params: z.object({ bucket: z.string().default('raw') }), owner: 'data', tags: ['s3'],
    macros: { partition: (day: string) => `dt=${day}` }, filters: { shout: (text: string) => `${text.toUpperCase()}!` },
  });
  const rows = d.task('rows', () => [1, 2])();
  const call = d.task('call', http({
    url: 'https://{{ var.value.region }}.example.com/{{ partition(ds) }}',
    query: { day: "{{ logical_date.in_timezone('Asia/Seoul').strftime('%Y%m%d') }}", many: "{{ ti.xcom_pull('rows') | length }}" },
    headers: { authorization: 'Bearer {{ conn.api.password }}', 'x-{{ ds }}': '{{ dag.owner | shout }}' },
    body: { list: [{ bucket: '{{ params.bucket }}', of: '{{ dag.dag_id }}.{{ task.task_id }} {{ ti.try_number }} {{ dag_run.run_type }}' }], number: 3, rows },
  }))();
  call.after(rows);
  const result = await d.test({ ...at, variables: { region: 'kr' }, connections: { api: { conn_type: 'http', password: 's3cret-word' } } });
  expect(result.value(call)).toEqual({
    url: 'https://kr.example.com/dt=2027-01-04',
    query: { day: '20270105', many: '2' },
    headers: { authorization: 'Bearer s3cret-word', 'x-{{ ds }}': 'DATA!' },
    body: { list: [{ bucket: 'raw', of: 'lake.call 1 manual' }], number: 3, rows: [1, 2] },
    values: {},
  });
});

test('what a task keeps and what is kept of its assets can be read', async () => {
  provideOperators({ http: echo });
  const [orders, fx] = [asset('s3://lake/orders'), asset('s3://lake/fx')];
  const d = dag('kept');
  const one = d.task('one', http({ url: "x/{{ asset_state_store.get('watermark') }}/{{ task_state_store.get('page', 1) }}" }), { inlets: [orders] })();
  const two = d.task('two', http({ url: "{{ asset_state_store[inlets[1]].get('rate', 'none') }}" }), { inlets: [orders, fx] })();
  const result = await d.test({ ...at, assetState: [{ asset: orders, key: 'watermark', value: '2026-11-25' }, { asset: fx, key: 'rate', value: 1.5 }] });
  expect([result.value(one), result.value(two)]).toMatchObject([{ url: 'x/2026-11-25/1' }, { url: '1.5' }]);
});

test('what a result or a param holds is never a template', async () => {
  provideOperators({ http: echo });
  const d = dag('d', { params: z.object({ x: z.string().default('{{ 1 + 1 }}') }) });
  const given = d.task('given', () => '{{ var.value.secret }}')();
  const call = d.task('call', http({ url: given, body: ['{{ params.x }}', given] }))();
  expect((await d.test(at)).value(call)).toMatchObject({ url: '{{ var.value.secret }}', body: ['{{ 1 + 1 }}', '{{ var.value.secret }}'] });
});

test('a shell finds what its command prints in its environment', async () => {
  provideOperators({ bash: echo });
  const d = dag('d', { params: z.object({ file: z.string().default('a; rm -rf /') }) });
  const run = d.task('run', bash({ command: "load '{{ params.file }}' {{ ds }}", env: { FILE: '{{ params.file }}' } }))();
  expect((await d.test(at)).value(run)).toEqual({
    command: `load ''"\${DAGBOOK_VALUE_1}"'' \${DAGBOOK_VALUE_2}`, env: { FILE: 'a; rm -rf /' }, values: { DAGBOOK_VALUE_1: 'a; rm -rf /', DAGBOOK_VALUE_2: '2027-01-04' },
  });
});

test.each([
  ['aws', aws({ args: ['s3', 'ls', '{{ var.value.api_token }}'] })],
  ['docker', docker({ image: 'i', command: ['run', 'u:{{ var.value.api_token }}'] })],
])('%s gets no secret in its command line', async (kind, operator) => {
  const d = dag('d');
  d.task('run', operator)();
  const outcome = await runnableOf(d)?.run(requestOf('run', -1), ioOf({ operators: { [kind]: async () => null } }));
  expect(outcome).toMatchObject({ kind: 'failed', failure: { code: 'bad_input', message: expect.stringContaining('would put a secret into a command line') as string }, retry: { action: 'fail' } });
});

test('code of another language is no template', async () => {
  provideOperators({ python: echo });
  const d = dag('d');
  const run = d.task('run', python({ code: 'print("{{ ds }}")', input: { day: '{{ ds }}' } }))();
  expect((await d.test(at)).value(run)).toMatchObject({ code: 'print("{{ ds }}")', input: { day: '2027-01-04' } });
});

test.each([
  ['{{ nothing }}', "sql of 'load' cannot be rendered: UndefinedError: 'nothing' is undefined"],
  ['{{ conn.lake.host }}', "sql of 'load' cannot be rendered: there is no connection 'lake': it was looked for in the secrets files beside the DAGs, in DAGBOOK_CONN_LAKE"],
  ['{% if %}', "sql of 'load' cannot be rendered: TemplateSyntaxError"],
])('%s fails the task and names the field', async (text, sentence) => {
  provideOperators({ sql: echo });
  const said: string[] = [];
  const d = dag('d');
  const load = d.task('load', sql({ sql: text }))();
  const result = await d.test({ ...at, log: ({ event }) => said.push(event) });
  expect(result.stateOf(load)).toBe('failed');
  expect(said.join()).toContain(sentence);
});

test('the last run that succeeded is asked for by templates that name it, and by no other', async () => {
  const d = dag('d');
  d.task('call', http({ url: 'https://h', body: '{{ prev_data_interval_end_success | ds }} {{ prev_start_date_success }}' }))();
  d.task('other', http({ url: 'https://h/{{ ds }}' }))();
  let asked = 0;
  const previousSuccess = async () => {
    asked += 1;
    return { dataInterval: { startMs: 0, endMs: Date.UTC(2027, 0, 4) }, startedAtMs: null, endedAtMs: null };
  };
  const bodies: unknown[] = [];
  const io = ioOf({ previousSuccess, operators: { http: async ({ body }) => void bodies.push(body) } });
  for (const taskId of ['call', 'other']) await runnableOf(d)?.run(requestOf(taskId, -1), io);
  expect([bodies, asked]).toEqual([['2027-01-04 None', undefined], 1]);
});

test('a mapped instance is named after it has run', async () => {
  const d = dag('d');
  const files = ['a.csv', 'b.csv'];
  d.task('load', ({ file }: { file: string }) => file.length, { mapIndexTemplate: '{{ input.file }} on {{ ds }}' }).expand({ file: files });
  const outcome = await runnableOf(d)?.run(requestOf('load', 1), ioOf());
  expect(outcome).toMatchObject({ kind: 'succeeded', renderedMapIndex: 'b.csv on 2027-01-05' });
});

test('rendered fields are kept, secrets hidden and long ones cut', async () => {
  const d = dag('d');
  d.task('call', http({ url: 'https://example.com', headers: { authorization: 'Bearer {{ var.value.api_token }}' }, body: "{{ 'x' * 5000 }}", method: 'POST' }))();
  d.task('plain', http({ url: 'https://example.com' }))();
  const kept: unknown[] = [];
  const io = ioOf({ putRenderedFields: async (fields) => void kept.push(fields), operators: { http: async () => null } });
  await runnableOf(d)?.run(requestOf('call', -1), io);
  await runnableOf(d)?.run(requestOf('plain', -1), io);
  expect(kept).toEqual([{ url: 'https://example.com', headers: { authorization: 'Bearer ***' }, body: `${'x'.repeat(4096)}… (5000 characters)` }]);
});

const requestOf = (taskId: string, mapIndex: number): TaskRunRequest => ({
  attempt: { dagId: 'd', runId: 'r', taskId, mapIndex, tryNumber: 1 },
  work: {
    bundleHash: 'b', maxTries: 1, results: {},
    run: { runType: 'manual', logicalDateMs: Date.UTC(2027, 0, 5), dataInterval: null, runAfterMs: Date.UTC(2027, 0, 5), conf: {}, params: {} },
  },
});

function ioOf(more: Partial<TaskIo> = {}): TaskIo {
  const mask = new SecretMask();
  return {
    signal: new AbortController().signal, nowMs: () => 0, log: () => undefined, operators: {},
    getResult: async () => null, putResult: async () => ({ key: '', bytes: 0 }), connection: async () => null,
    requestRun: async () => ({ kind: 'refused', reason: '' }), findRun: async () => null,
    variable: async () => {
      mask.add('token-8271');
      return 'token-8271';
    },
    mask: () => mask,
    ...more,
  };
}
