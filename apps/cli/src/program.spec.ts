import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from './program.ts';
import type { Terminal } from './terminal.ts';

type Answer = { readonly status?: number; readonly body?: unknown; readonly stream?: string; readonly staysOpen?: boolean };

type Answers = { readonly [line: string]: Answer | ((times: number) => Answer) };

/** A gateway of canned answers, by method and path; what it has none for is 404. */
class Gateway {
  readonly asked: { readonly line: string; readonly authorization: string | undefined; readonly body: unknown }[] = [];
  readonly queries = new Map<string, URLSearchParams>();
  /** What each connection to a stream resumed after. */
  readonly resumed: (string | undefined)[] = [];
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #answers: Answers;
  /** Resolves when the client has closed a stream that stays open. */
  readonly closed = Promise.withResolvers<void>();
  url = '';

  constructor(answers: Answers) {
    this.#answers = answers;
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const line = `${request.method ?? ''} ${decodeURIComponent((request.url ?? '').split('?')[0] ?? '')}`;
    this.asked.push({ line, authorization: request.headers.authorization, body: text === '' ? undefined : (JSON.parse(text) as unknown) });
    this.queries.set(line, new URL(request.url ?? '', 'http://gateway').searchParams);
    if (request.headers.accept === 'text/event-stream') this.resumed.push(request.headers['last-event-id'] as string | undefined);
    const canned = this.#answers[line];
    const answer: Answer = typeof canned === 'function' ? canned(this.asked.filter((one) => one.line === line).length) : (canned ?? { status: 404, body: { detail: `no ${line}` } });
    response.writeHead(answer.status ?? 200, { 'content-type': answer.stream === undefined ? 'application/json' : 'text/event-stream' });
    if (answer.staysOpen === true) {
      response.once('close', () => this.closed.resolve());
      response.write(answer.stream ?? '');
    } else response.end(answer.stream ?? JSON.stringify(answer.body ?? {}));
  }
}

let folder: string;
let gateway: Gateway | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dagbook-cli-'));
});
afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
  rmSync(folder, { recursive: true });
});

const serve = async (answers: Answers): Promise<Gateway> => (gateway = await new Gateway(answers).start());

async function run(argv: readonly string[], given: Partial<Terminal> & { readonly stdin?: string } = {}): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const terminal: Terminal = {
    env: { HOME: folder }, cwd: folder, root: folder, isTty: false,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    readStdin: async () => given.stdin ?? '',
    askSecret: async () => null,
    signal: new AbortController().signal,
    ...given,
  };
  const code = await runCommand(terminal, argv, '1.2.3');
  return { code, out, err };
}

const RUN = { dag_id: 'd', dag_run_id: 'r', state: 'success', run_type: 'manual', run_after: 'T', start_date: null, end_date: null, duration: null, logical_date: null, failure_reason: null, triggering_user_name: 'kim', triggered_by: null, dag_versions: [], conf: {}, note: null };

describe('exit codes', () => {
  it.each<[string, Answer, number, string]>([
    ['it is done', { body: { username: 'kim', role: 'admin' } }, 0, ''],
    ['nobody is logged in', { status: 401, body: { detail: 'Not authenticated' } }, 3, 'Not authenticated\n  → Log in: dagbook auth login'],
    ['it is not allowed', { status: 403, body: { detail: 'Forbidden' } }, 3, 'Forbidden\n'],
    ['it is not found', { status: 404, body: { detail: 'There is none' } }, 4, 'There is none\n'],
    ['a rule is broken', { status: 422, body: { detail: [{ loc: ['body', 'conf'], msg: 'Input should be an object', type: 'x', input: 3 }] } }, 2, 'conf: Input should be an object (given: 3)\n'],
    ['it is refused', { status: 409, body: { detail: 'It is paused' } }, 1, 'It is paused\n'],
    ['a part is away', { status: 503, body: { detail: 'The database does not answer.' } }, 5, 'The database does not answer.\n'],
    ['a proxy stands in between', { status: 502, body: '<html>' }, 5, 'answered 502.\n'],
  ])('when %s', async (_, answer, code, said) => {
    const { url } = await serve({ 'GET /ui/me': answer });
    const ended = await run(['auth', 'whoami', '--url', url, '--token', 't']);
    expect(ended.code).toBe(code);
    expect(ended.err).toContain(said);
    expect(ended.out === '').toBe(code !== 0);
  });

  it.each([
    ['no command', []],
    ['a command that there is not', ['dags', 'fly']],
    ['a missing argument', ['dags', 'show']],
    ['an unknown option', ['dags', 'list', '--colour']],
    ['a format that there is not', ['dags', 'list', '-o', 'xml']],
    ['a number out of range', ['dags', 'next', 'd', '-n', '0']],
    ['a state that there is not', ['runs', 'list', '--state', 'green']],
    ['params that are no JSON', ['dags', 'trigger', 'd', '--params', '{']],
    ['params that are no object', ['dags', 'trigger', 'd', '--params', '[]']],
    ['a setting without a value', ['dags', 'trigger', 'd', '--set', 'a']],
    ['a params file that there is not', ['dags', 'trigger', 'd', '--params', '@nope.json']],
    ['an address that is none', ['dags', 'list', '--url', 'nowhere']],
    ['a DAG file that there is not', ['dags', 'check', 'nope.ts']],
  ])('2 for %s, said on stderr alone', async (_, argv) => {
    const { code, out, err } = await run(argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).not.toBe('');
  });

  it('0 for help, on stdout', async () => {
    const { code, out, err } = await run(['dags', 'trigger', '--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('--params <json>');
  });

  it('5 when none is named and none runs here', async () => expect(await run(['dags', 'list'])).toMatchObject({ code: 5, out: '' }));

  it('5 when nothing answers', async () => {
    const { url } = await serve({});
    await gateway?.stop();
    gateway = undefined;
    expect(await run(['dags', 'list', '--url', url])).toMatchObject({ code: 5, err: expect.stringContaining(`Nothing answers at ${url} (ECONNREFUSED)`) });
  });

  it('5 when something else answers', async () => {
    const { url } = await serve({ 'GET /ui/me': { stream: '<html>' } });
    expect(await run(['auth', 'whoami', '--url', url])).toMatchObject({ code: 5, out: '', err: expect.stringContaining('not as Dagbook does') });
  });

  it('130 when interrupted', async () => {
    const { url } = await serve({ 'GET /ui/me': { body: {} } });
    expect(await run(['auth', 'whoami', '--url', url], { signal: AbortSignal.abort() })).toMatchObject({ code: 130, out: '' });
  });
});

describe('where it speaks to', () => {
  const ME = { 'GET /ui/me': { body: { username: 'kim', role: 'admin' } }, 'POST /auth/token/cli': { status: 201, body: { access_token: 'fresh' } } };
  const local = (url: string): void => {
    mkdirSync(join(folder, '.dagbook'));
    writeFileSync(join(folder, '.dagbook/runtime.json'), JSON.stringify({ pid: 1, url }));
    writeFileSync(join(folder, '.dagbook/admin-password'), 'secret\n');
  };

  it('finds the instance of this folder, also from below, and logs in with its password', async () => {
    const { url, asked } = await serve(ME);
    local(url);
    mkdirSync(join(folder, 'a/b'), { recursive: true });
    expect(await run(['auth', 'whoami', '-o', 'id'], { cwd: join(folder, 'a/b') })).toEqual({ code: 0, out: 'kim\n', err: '' });
    expect(asked).toEqual([
      { line: 'POST /auth/token/cli', authorization: undefined, body: { username: 'admin', password: 'secret' } },
      { line: 'GET /ui/me', authorization: 'Bearer fresh', body: undefined },
    ]);
  });

  it('gives the password of this instance to no other address', async () => {
    const { url, asked } = await serve(ME);
    local('http://127.0.0.1:9');
    await run(['auth', 'whoami', '--url', url]);
    expect(asked).toEqual([{ line: 'GET /ui/me', authorization: undefined, body: undefined }]);
  });

  it('keeps a login readable by its owner alone, and gives its token to no other address', async () => {
    const { url, asked } = await serve(ME);
    const login = await run(['auth', 'login', '--url', url, '--username', 'kim', '--password-stdin'], { stdin: 'pass word\n' });
    expect(login).toMatchObject({ code: 0, out: '' });
    const file = join(folder, '.config/dagbook/profile.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ url, username: 'kim', token: 'fresh' });
    await run(['auth', 'whoami']);
    await run(['auth', 'whoami'], { env: { HOME: folder, DAGBOOK_API_URL: url.replace('127.0.0.1', 'localhost') } });
    expect(asked).toEqual([
      { line: 'POST /auth/token/cli', authorization: undefined, body: { username: 'kim', password: 'pass word' } },
      { line: 'GET /ui/me', authorization: 'Bearer fresh', body: undefined },
      { line: 'GET /ui/me', authorization: undefined, body: undefined },
    ]);
  });

  it('puts a flag over the environment, and the environment over a login', async () => {
    const { url, asked } = await serve(ME);
    mkdirSync(join(folder, '.config/dagbook'), { recursive: true });
    writeFileSync(join(folder, '.config/dagbook/profile.json'), JSON.stringify({ url, username: 'kim', token: 'kept' }));
    const env = { HOME: folder, DAGBOOK_TOKEN: 'env' };
    await run(['auth', 'whoami']);
    await run(['auth', 'whoami'], { env });
    await run(['auth', 'whoami', '--token', 'flag'], { env });
    expect(asked.map(({ authorization }) => authorization)).toEqual(['Bearer kept', 'Bearer env', 'Bearer flag']);
  });

  it('asks for no password where there is no terminal', async () => {
    const { url, asked } = await serve(ME);
    expect(await run(['auth', 'login', '--url', url])).toMatchObject({ code: 2 });
    expect(asked).toEqual([]);
  });
});

describe('dags watchers', () => {
  const WATCHER = { key: '0'.repeat(32), uri: 's3://lake/inbox', name: 'arrived', worker: 'w1', last: 'b.csv', failures: 0, failure: null, next_at: null };

  it('says where they watch, and of one what it wrote', async () => {
    const { url } = await serve({
      'GET /ui/dags/d/watchers': { body: { watchers: [WATCHER], total_entries: 1 } },
      [`GET /ui/dags/d/watchers/${WATCHER.key}/log`]: { body: { content: [{ event: 'looked' }], continuation_token: null } },
    });
    expect(await run(['dags', 'watchers', 'd', '--url', url, '-o', 'id'])).toEqual({ code: 0, out: 'arrived\n', err: '' });
    expect(await run(['dags', 'watchers', 'd', 'arrived', '--url', url, '-o', 'id'])).toEqual({ code: 0, out: 'looked\n', err: '' });
    expect(await run(['dags', 'watchers', 'd', 'gone', '--url', url])).toMatchObject({ code: 4, err: expect.stringContaining('It has arrived.') });
  });
});

describe('dags trigger', () => {
  it('lays --set over --params: JSON where it is JSON, else text', async () => {
    const { url, asked } = await serve({ 'POST /api/v2/dags/d/dagRuns': { body: RUN } });
    writeFileSync(join(folder, 'params.json'), '{"a": {"x": 1, "y": 2}, "b": "old"}');
    const ended = await run(['dags', 'trigger', 'd', '--url', url, '--params', '@params.json', '--set', 'a.x=[3]', '--set', 'b=new', '--set', 'c=', '--run-id', 'r', '--partition-key', 'us', '-o', 'id']);
    expect(ended).toEqual({ code: 0, out: 'r\n', err: '' });
    expect(asked[0]?.body).toEqual({ logical_date: null, conf: { a: { y: 2, x: [3] }, b: 'new', c: '' }, dag_run_id: 'r', partition_key: 'us' });
  });

  it('does not take a stored command for a done one', async () => {
    const { url } = await serve({ 'POST /api/v2/dags/d/dagRuns': { status: 202, body: { command_id: 'c1', detail: 'Its outcome is still to come' } } });
    expect(await run(['dags', 'trigger', 'd', '--url', url])).toMatchObject({ code: 5, out: '', err: expect.stringContaining('(command c1)') });
  });

  it('sets nothing outside of the params', async () => {
    const { url, asked } = await serve({ 'POST /api/v2/dags/d/dagRuns': { body: RUN } });
    await run(['dags', 'trigger', 'd', '--url', url, '--set', '__proto__.polluted=1']);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(JSON.stringify(asked[0]?.body)).toContain('"__proto__":{"polluted":1}');
  });
});

describe('runs watch', () => {
  const event = (position: string, type: string, task: string | null = null): object => ({ position, stream_id: 's', version: 1, type, at: 'T', task_id: task, map_index: task === null ? null : -1, try_number: null, data: {} });
  const STREAM = 'GET /api/v2/stream';
  const ROW = 'GET /api/v2/dags/d/dagRuns/r';

  it('tells each event once though the stream breaks, and fails with the run', async () => {
    const { url, resumed } = await serve({
      // One break: a stream that ends without `end` is connected to again.
      [STREAM]: (times) => ({ stream: times === 1 ? 'retry: 1000\n\nid: 1-1\nevent: run\ndata: {}\n\n' : 'event: run\ndata: {}\n\n' }),
      [ROW]: (times) => ({ body: { ...RUN, state: times < 4 ? 'running' : 'failed', failure_reason: 'task_failed' } }),
      [`${ROW}/events`]: (times) => ({
        body: times === 1
          ? { events: [event('1-1', 'RunCreated'), event('1-2', 'AttemptGranted', 'a')], next_after: null }
          : { events: times === 4 ? [event('1-3', 'TaskFailed', 'a'), event('1-4', 'RunFailed')] : [], next_after: null },
      }),
    });
    const ended = await run(['runs', 'watch', 'd', 'r', '--url', url]);
    expect(ended).toEqual({ code: 1, out: 'T  RunCreated\nT  TaskFailed  a\nT  RunFailed\n', err: 'The run r of d failed (task_failed). Failed: a.\n  → dagbook tasks logs d r a\n' });
    expect(resumed).toEqual([undefined, '1-1']);
  });

  it('as JSON tells only the run, once it has ended', async () => {
    const { url } = await serve({ [STREAM]: { stream: '' }, [ROW]: { body: RUN }, [`${ROW}/events`]: { body: { events: [event('1-1', 'RunSucceeded')], next_after: null } } });
    const { code, out } = await run(['runs', 'watch', 'd', 'r', '--url', url, '-o', 'json']);
    expect({ code, run: JSON.parse(out) as unknown }).toEqual({ code: 0, run: RUN });
  });

  it('closes the stream at the end, so that the process can end too', async () => {
    const server = await serve({ [STREAM]: { stream: 'retry: 1000\n\n', staysOpen: true }, [ROW]: { body: RUN }, [`${ROW}/events`]: { body: { events: [], next_after: null } } });
    expect(await run(['runs', 'watch', 'd', 'r', '--url', server.url])).toEqual({ code: 0, out: '', err: '' });
    // Closed by the command itself, before anything else is served, and not at some later time by the garbage collector.
    const first = await Promise.race([server.closed.promise.then(() => 'closed'), fetch(server.url).then(() => 'served')]);
    expect(first).toBe('closed');
  });

  it('ends when the stream is refused', async () => {
    const { url } = await serve({ [STREAM]: { status: 401, body: { detail: 'Not authenticated' } } });
    expect(await run(['runs', 'watch', 'd', 'r', '--url', url])).toMatchObject({ code: 3 });
  });
});

describe('tasks logs', () => {
  const INSTANCE = 'GET /api/v2/dags/d/dagRuns/r/taskInstances/t';
  const line = (event: string): object => ({ timestamp: 'T', level: 'info', event, logger: 'task' });

  it('reads page after page of the last try', async () => {
    const { url } = await serve({
      [`${INSTANCE}/3`]: { body: { state: 'success', try_number: 2 } },
      [`${INSTANCE}/logs/2`]: (times) => ({ body: times === 1 ? { content: [line('one')], continuation_token: 'x' } : { content: [line('two')], continuation_token: null } }),
    });
    expect(await run(['tasks', 'logs', 'd', 'r', 't[3]', '-o', 'id', '--url', url, '-f'])).toEqual({ code: 0, out: 'one\ntwo\n', err: '' });
  });

  it('follows a try that still runs, several lines an event, to its end', async () => {
    const { url } = await serve({
      [`${INSTANCE}/-1`]: { body: { state: 'running', try_number: 1 } },
      [`${INSTANCE}/logs/1/stream`]: { stream: `: still here\n\nid: 9\ndata: ${JSON.stringify(line('one'))}\ndata: ${JSON.stringify(line('two'))}\n\nid: 12\ndata: ${JSON.stringify(line('three'))}\n\nevent: end\ndata: {}\n\n` },
    });
    expect(await run(['tasks', 'logs', 'd', 'r', 't', '-f', '--url', url])).toEqual({ code: 0, out: 'T  info      one\nT  info      two\nT  info      three\n', err: '' });
  });

  it('lets a log not drive the terminal, and leaves it whole in a pipe', async () => {
    const hostile = '\u001B[31mred\u001B[0m \u001B]0;title\u0007 \r';
    const answers = { [`${INSTANCE}/-1`]: { body: { state: 'success', try_number: 1 } }, [`${INSTANCE}/logs/1`]: { body: { content: [line(hostile)], continuation_token: null } } };
    const { url } = await serve(answers);
    const argv = ['tasks', 'logs', 'd', 'r', 't', '--url', url];
    expect((await run(argv)).out).toBe(`T  info      ${hostile}\n`);
    expect((await run(argv, { isTty: true })).out).toBe('T  info      \u001B[31mred\u001B[0m \uFFFD]0;title\uFFFD \uFFFD\n');
  });
});

describe('runs callbacks', () => {
  const PATH = 'GET /ui/dags/d/dagRuns/r/callbacks';
  const callback = { callback: 2, name: 'onFailure', state: 'failed', try_number: 3, requested_at: 'T', ended_at: 'U', task_id: 't', map_index: 4, task_try_number: 1, reason: null, deadline: null, failure: 'no pager' };

  it('lists them, and reads what one wrote', async () => {
    const { url } = await serve({
      [PATH]: { body: { callbacks: [callback], total_entries: 1 } },
      [`${PATH}/2/log`]: { body: { content: [{ timestamp: 'T', level: 'error', event: 'no pager', logger: 'task' }], continuation_token: null } },
    });
    expect((await run(['runs', 'callbacks', 'd', 'r', '--url', url])).out).toBe('CALLBACK  NAME       TASK  STATE   TRIES  ASKED  ENDED  FAILED BECAUSE\n2         onFailure  t[4]  failed  3      T      U      no pager\n');
    expect(await run(['runs', 'callbacks', 'd', 'r', '--log', '2', '--try', '1', '--url', url])).toEqual({ code: 0, out: 'T  error     no pager\n', err: '' });
  });
});

describe('clear', () => {
  it.each([
    [['runs', 'clear', 'd', 'r'], 'POST /api/v2/dags/d/dagRuns/r/clear'],
    [['tasks', 'clear', 'd', 'r', 'a', 'b[2]'], 'POST /api/v2/dags/d/clearTaskInstances'],
  ])('%j only shows what it would clear', async (argv, line) => {
    const { url, asked } = await serve({ [line]: { body: { ...RUN, task_instances: [], total_entries: 0 } } });
    const ended = await run([...argv, '--url', url, '-o', 'json']);
    expect(ended).toEqual({ code: 0, out: '[]\n', err: 'Nothing was cleared. --yes clears these 0.\n' });
    expect(asked[0]?.body).toMatchObject({ dry_run: true });
    await run([...argv, '--url', url, '--yes']);
    expect(asked[1]?.body).toMatchObject({ dry_run: false });
    if (line.endsWith('clearTaskInstances')) expect(asked[1]?.body).toMatchObject({ dag_run_id: 'r', task_ids: ['a', ['b', 2]] });
  });
});

describe('connections and variables', () => {
  const stored = (...ids: string[]): Answer => ({ body: { create: { success: ids, errors: [] } } });
  const sent = (): { action_on_existence: string; entities: Record<string, unknown>[] } =>
    (gateway?.asked.at(-1)?.body as { actions: never[] } | undefined)?.actions[0] as never;

  it.each([
    ['c.json', JSON.stringify({ lake: { conn_type: 'aws', login: 'key', password: 'p%@ss', extra: '{"region_name":"kr"}' }, db: 'postgres://u:p%40ss@h:5432/d' })],
    ['c.yaml', 'lake:\n  conn_type: aws\n  login: key\n  password: p%@ss\n  extra: \'{"region_name":"kr"}\'\ndb: postgres://u:p%40ss@h:5432/d\n'],
    ['c.env', 'lake=aws://key:p%25%40ss@/?region_name=kr\ndb=postgres://u:p%40ss@h:5432/d\n'],
  ])('imports what airflow connections export wrote as %s', async (name, text) => {
    await serve({ 'PATCH /api/v2/connections': stored('lake', 'db') });
    writeFileSync(join(folder, name), text);
    const done = await run(['--url', gateway?.url ?? '', 'connections', 'import', name, '-a', 'overwrite']);
    expect([done.err, done.out, done.code]).toEqual(['', 'stored lake\nstored db\n', 0]);
    expect(sent().action_on_existence).toBe('overwrite');
    const [lake, db] = sent().entities;
    expect([lake?.['conn_type'], lake?.['login'], lake?.['password'], JSON.parse(String(lake?.['extra']))]).toEqual(['aws', 'key', 'p%@ss', { region_name: 'kr' }]);
    expect(db).toMatchObject({ connection_id: 'db', conn_type: 'postgres', login: 'u', password: 'p@ss', host: 'h', port: 5432, schema: 'd' });
  });

  it('imports what airflow variables export wrote', async () => {
    await serve({ 'PATCH /api/v2/variables': stored('region', 'limits') });
    writeFileSync(join(folder, 'v.json'), JSON.stringify({ region: 'seoul', limits: { value: { rows: 3 }, description: 'of a load' } }));
    expect((await run(['--url', gateway?.url ?? '', 'variables', 'import', 'v.json'])).code).toBe(0);
    expect(sent()).toEqual({ action: 'create', action_on_existence: 'overwrite', entities: [{ key: 'region', value: 'seoul' }, { key: 'limits', value: { rows: 3 }, description: 'of a load' }] });
  });

  it('takes secrets from stdin, and says nothing of them when it refuses', async () => {
    await serve({ 'PATCH /api/v2/connections': stored('db'), 'PATCH /api/v2/variables': { body: { create: { success: [], errors: [{ error: 'There are no keys.', status_code: 503 }] } } } });
    const at = ['--url', gateway?.url ?? ''];
    expect((await run([...at, 'connections', 'set', 'db', '--conn-type', 'postgres', '--host', 'h', '--port', '5432', '--password-stdin'], { stdin: 'p@ss\n' })).code).toBe(0);
    expect(sent().entities).toEqual([{ connection_id: 'db', conn_type: 'postgres', host: 'h', port: 5432, password: 'p@ss' }]);
    const refused = await run([...at, 'connections', 'set', 'db', '--from', '-'], { stdin: 'postgres://u:secret-word@h:port' });
    expect([refused.code, refused.err.includes("The connection 'db' cannot be read"), refused.err.includes('secret-word')]).toEqual([2, true, false]);
    expect(await run([...at, 'variables', 'set', 'token'], { stdin: 'x' })).toMatchObject({ code: 1, err: 'There are no keys.\n' });
  });

  it('has a stored connection tested, without its secrets', async () => {
    const connection = { connection_id: 'db', conn_type: 'postgres', host: 'h', password: '***' };
    await serve({ 'GET /api/v2/connections/db': { body: { ...connection, team_name: null } }, 'POST /api/v2/connections/test': (times) => ({ body: times === 1 ? { status: true, message: 'Connection successfully tested' } : { status: false, message: 'Nobody answers.' } }) });
    const at = ['--url', gateway?.url ?? '', 'connections', 'test', 'db'];
    expect(await run([...at, '--queue', 's21', '-o', 'jsonl'])).toEqual({ code: 0, out: '{"status":true,"message":"Connection successfully tested"}\n', err: '' });
    expect([gateway?.asked.at(-1)?.body, gateway?.queries.get('POST /api/v2/connections/test')?.get('queue')]).toEqual([connection, 's21']);
    expect(await run(at)).toMatchObject({ code: 1, err: 'The connection db does not work: Nobody answers.\n' });
  });

  it('shows the rendered fields of the run of a day of the DAG\'s own zone, in either order, and of an older try', async () => {
    await serve({
      'GET /api/v2/dags/d/details': { body: { timezone: 'Asia/Seoul' } },
      'GET /api/v2/dags/d/dagRuns/r1/taskInstances/load/tries/1': { body: { rendered_fields: { command: 'older' }, try_number: 1 } },
      'GET /api/v2/dags/d/dagRuns': { body: { dag_runs: [{ dag_run_id: 'r1' }], total_entries: 1 } },
      'GET /api/v2/dags/d/dagRuns/r1/taskInstances/load/-1': { body: { rendered_fields: { command: 'load ***', env: { DAY: '2027-01-05' } }, try_number: 1 } },
    });
    expect((await run(['--url', gateway?.url ?? '', 'tasks', 'render', 'd', '2027-01-05', 'load'])).out).toBe('command  load ***\nenv      {"DAY":"2027-01-05"}\n');
    expect((await run(['--url', gateway?.url ?? '', 'tasks', 'render', 'd', 'load', '2027-01-05'])).out).toBe('command  load ***\nenv      {"DAY":"2027-01-05"}\n');
    expect((await run(['--url', gateway?.url ?? '', 'tasks', 'render', 'd', 'load', 'manual__1', '--try', '1'])).code).toBe(4);
    expect((await run(['--url', gateway?.url ?? '', 'tasks', 'render', 'd', 'r1', 'load', '--try', '1'])).out).toBe('command  older\n');
    expect(['gte', 'lte'].map((bound) => gateway?.queries.get('GET /api/v2/dags/d/dagRuns')?.get(`logical_date_${bound}`))).toEqual(['2027-01-04T15:00:00.000Z', '2027-01-05T14:59:59.999Z']);
  });
});

describe('backfills', () => {
  const BACKFILL = {
    id: 7, dag_id: 'd', state: 'running', is_paused: false, from_date: 'A', to_date: 'B', dates: 5, created_runs: 1, reprocessed_runs: 1, skipped_dates: 1, max_active_runs: 2, reprocess_behavior: 'failed',
  };
  const CREATE = ['backfill', 'create', 'd', '--from', '2026-01-01', '--to', '2026-01-05', '--reprocess', 'failed', '--backwards', '--max-active-runs', '2', '--set', 'n=3'];

  it('are shown before they are made', async () => {
    const made = { logical_date: '2026-01-01', action: 'create', dag_run_id: null, state: null };
    const skipped = { logical_date: '2026-01-02', action: 'skip', dag_run_id: 'r', state: 'success' };
    const { url, asked } = await serve({ 'POST /api/v2/backfills/dry_run': { body: { backfills: [made], total_entries: 1, skipped: [skipped] } }, 'POST /api/v2/backfills': { body: BACKFILL } });
    const shown = await run([...CREATE, '--url', url, '--token', 't', '-o', 'id']);
    expect(shown).toEqual({ code: 0, out: '2026-01-01\n2026-01-02\n', err: 'Nothing was made. --yes makes these 1 runs and leaves 1 as they are.\n' });
    expect(asked[0]?.body).toEqual({
      dag_id: 'd', from_date: '2026-01-01', to_date: '2026-01-05', reprocess_behavior: 'failed', run_backwards: true, max_active_runs: 2, dag_run_conf: { n: 3 },
    });
    expect(await run([...CREATE, '--yes', '--url', url, '--token', 't', '-o', 'id'])).toEqual({ code: 0, out: '7\n', err: '' });
    expect(asked[1]).toMatchObject({ line: 'POST /api/v2/backfills', body: asked[0]?.body });
  });

  it('are listed, paused, gone on with and cancelled', async () => {
    const { url } = await serve({
      'GET /api/v2/backfills': { body: { backfills: [BACKFILL], total_entries: 1 } }, 'PUT /api/v2/backfills/7/pause': { body: { ...BACKFILL, is_paused: true } },
      'PUT /api/v2/backfills/7/unpause': { body: BACKFILL }, 'PUT /api/v2/backfills/7/cancel': { body: { ...BACKFILL, state: 'cancelled' } },
    });
    const said = async (...argv: string[]): Promise<string> => (await run(['backfill', ...argv, '--url', url, '--token', 't'])).out;
    expect(await said('list', 'd')).toContain('3 of 5');
    expect(await said('pause', '7')).toContain('paused');
    expect(await said('unpause', '7')).toContain('running');
    expect(await said('cancel', '7')).toContain('cancelled');
    expect((await run(['backfill', 'create', 'd', '--from', '2026-01-01'])).code).toBe(2);
  });
});

describe('the state store', () => {
  it('lists what a mapped instance keeps, deletes a key or all, and cleans what has expired', async () => {
    const base = '/api/v2/dags/d/dagRuns/r/taskInstances/t/state-store';
    const entry = { key: 'job_id', value: { id: 7 }, updated_at: 'T', expires_at: null };
    const { url, asked } = await serve({
      [`GET ${base}`]: { body: { task_state_store: [entry], total_entries: 1 } }, [`DELETE ${base}`]: { status: 204 }, [`DELETE ${base}/a/b`]: { status: 204 },
      'GET /api/v2/stateStore/expired': { body: { expired: [{ dag_id: 'd', run_id: 'r', task_id: 't', map_index: 3, key: 'k' }], total_entries: 1 } }, 'DELETE /api/v2/stateStore/expired': { body: { deleted: 2 } },
    });
    const said = (...argv: string[]) => run(['state-store', ...argv, '--url', url, '--token', 't']);
    expect(await said('list', 'd', 'r', 't[3]')).toMatchObject({ code: 0, out: 'KEY     VALUE     WRITTEN  EXPIRES\njob_id  {"id":7}  T\n' });
    expect(await said('delete', 'd', 'r', 't', 'a/b')).toEqual({ code: 0, out: '', err: '' });
    expect(await said('delete', 'd', 'r', 't[3]')).toEqual({ code: 0, out: '', err: '' });
    expect(await said('clean', '--dry-run')).toEqual({ code: 0, out: 'DAG  RUN  TASK  KEY\nd    r    t[3]  k\n', err: '1 have expired. Nothing was changed.\n' });
    expect(asked.some(({ line }) => line === 'DELETE /api/v2/stateStore/expired')).toBe(false);
    expect(await said('clean')).toEqual({ code: 0, out: '2 expired states were deleted.\n', err: '' });
  });
});

describe('pools, workers and queues', () => {
  const POOL = { name: 'db', slots: 4, description: null, include_deferred: true, team_name: null, occupied_slots: 3, running_slots: 2, queued_slots: 0, scheduled_slots: 5, open_slots: 1, deferred_slots: 1 };
  const WORKER = { worker_name: 'a-1', state: 'draining', drained_by: 'kim', hostname: 'a', version: '1', queues: ['default', 's21'], slots: 8, running: 1, callbacks: 1, deferred: 1, last_heard: 'T' };

  it('a pool is set and shown, and pools of Airflow are imported', async () => {
    const { url, asked } = await serve({ 'PATCH /api/v2/pools': { body: { create: { success: ['db'], errors: [] } } }, 'GET /api/v2/pools/db': { body: POOL } });
    const given = ['--url', url, '--token', 't'];
    expect(await run(['pools', 'set', 'db', '4', 'the warehouse', '--include-deferred', ...given])).toMatchObject({ code: 0, out: 'pool       db\nslots      4\nopen       1\nrunning    2\nqueued     0\nscheduled  5\ndeferred   1 (counted)\n' });
    expect(asked[0]?.body).toEqual({ actions: [{ action: 'create', action_on_existence: 'overwrite', entities: [{ name: 'db', slots: 4, description: 'the warehouse', include_deferred: true }] }] });
    expect(await run(['pools', 'import', '-', ...given], { stdin: '{"db": {"slots": 4, "description": "", "include_deferred": false}}' })).toMatchObject({ code: 0, out: 'stored db\n' });
    expect(await run(['pools', 'import', '-', ...given], { stdin: '{"db": {"description": ""}}' })).toMatchObject({ code: 2, err: expect.stringContaining('The pool db in - has no whole number of slots.') as string });
  });

  it('pools are exported as they are imported', async () => {
    const { url } = await serve({ 'GET /api/v2/pools': { body: { pools: [POOL], total_entries: 1 } } });
    expect(JSON.parse((await run(['pools', 'export', '-', '--url', url, '--token', 't'])).out)).toEqual({ db: { slots: 4, description: '', include_deferred: true } });
  });

  it('a pool that cannot be deleted ends the command', async () => {
    const { url } = await serve({ 'DELETE /api/v2/pools/default_pool': { status: 400, body: { detail: 'default_pool cannot be deleted' } }, 'DELETE /api/v2/pools/db': { status: 204 }, 'DELETE /api/v2/pools/late': { status: 202, body: { command_id: 'c', detail: 'It is stored' } } });
    const given = ['--url', url, '--token', 't'];
    expect(await run(['pools', 'delete', 'default_pool', ...given])).toMatchObject({ code: 2, err: expect.stringContaining('default_pool cannot be deleted') as string });
    expect(await run(['pools', 'delete', 'db', ...given])).toEqual({ code: 0, out: '', err: '' });
    expect(await run(['pools', 'delete', 'late', ...given])).toMatchObject({ code: 5 });
  });

  it('a worker is drained until it runs nothing', async () => {
    const { url } = await serve({ 'POST /api/v2/workers/a-1/drain': { body: WORKER }, 'GET /api/v2/workers': (times) => ({ body: { workers: [{ ...WORKER, running: 0, callbacks: 2 - times }], total_entries: 1 } }) });
    const { out, code } = await run(['workers', 'drain', 'a-1', '--wait', '-o', 'json', '--url', url, '--token', 't']);
    expect({ code, ...(JSON.parse(out) as object) }).toMatchObject({ code: 0, running: 0, callbacks: 0, deferred: 1 });
  });

  it('queues show who serves them', async () => {
    const { url } = await serve({ 'GET /api/v2/queues': { body: { queues: [{ queue: 'gpu', workers: [], slots: 0, running: 0, waiting: 3, dags: 1 }], total_entries: 1 } } });
    expect((await run(['queues', 'list', '--url', url, '--token', 't'])).out).toBe('QUEUE  WORKERS  RUNNING  WAITING  DAGS\ngpu    none     0 of 0   3        1\n');
  });

  it('why a task waits is said', async () => {
    const { url } = await serve({ 'GET /ui/why/d/r/load/3': { body: { code: 'unknown_pool', message: 'Pool "db" does not exist; create it.', state: 'scheduled', until: null, waits_for: [] } } });
    expect((await run(['tasks', 'why', 'd', 'r', 'load[3]', '--url', url, '--token', 't'])).out).toBe('state  scheduled\nwhy    Pool "db" does not exist; create it.\ncode   unknown_pool\n');
  });
});
