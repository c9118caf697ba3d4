import { attemptId, type CommandBody } from '@dagbook/contracts';
import { formatPosition } from '@dagbook/event-store';
import { attemptToken } from '@dagbook/platform';
import { dagStream, runStream } from '@dagbook/contracts';
import { Journal, PIPELINE, withPostgres } from '@dagbook/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { House, TOKEN_SECRET, WORKER_SECRET } from '../test/house.ts';

const postgres = withPostgres();
let house: House;
let journal: Journal;
const commands: CommandBody[] = [];

const lastPosition = async (): Promise<string> => {
  const last = (await postgres.stores.events.feed({ xid: '0', pos: '0' }, 100_000)).at(-1);
  return last === undefined ? '0-0' : formatPosition(last.position);
};

beforeAll(async () => {
  house = await House.open(postgres);
  journal = new Journal(postgres.stores.events);
  await journal.dag(PIPELINE);
  await journal.run(PIPELINE, 'r1');
  await journal.succeed('pipeline', 'r1', 'extract');
  // Answers as the scheduler would: events, then the outcome with their position.
  await house.answerCommands(async (dagId, body) => {
    commands.push(body);
    switch (body.type) {
      case 'SetPaused':
        await journal.append(dagStream(dagId), [{ type: body.paused ? 'DagPaused' : 'DagUnpaused', by: body.user, atMs: journal.tick() }]);
        break;
      case 'TriggerRun':
        if (body.runId === 'taken') return { kind: 'refused', code: 'run_exists', message: 'Run taken of DAG pipeline exists already: choose another run id.' };
        await journal.run(PIPELINE, body.runId ?? 'manual__1', { conf: body.conf, ...(body.note === undefined ? {} : { note: body.note }) });
        return { kind: 'done', position: await lastPosition(), result: { runId: body.runId ?? 'manual__1' } };
      case 'ClearTasks':
        await journal.append(runStream(dagId, body.runId), [{ type: 'TaskCleared', taskId: 'extract', mapIndex: -1, atMs: journal.tick() }]);
        break;
      case 'MarkTasks':
        await journal.append(runStream(dagId, body.runId), body.tasks.map(({ taskId, mapIndex = -1 }) => ({ type: 'TaskMarked', taskId, mapIndex, state: body.state, by: body.user, atMs: journal.tick() }) as const));
        break;
      case 'MarkRun':
        await journal.append(runStream(dagId, body.runId), [{ type: 'RunSucceeded', atMs: journal.tick() }]);
        break;
      case 'SetRunNote':
        await journal.append(runStream(dagId, body.runId), [{ type: 'RunNoteSet', note: body.note, by: body.user, atMs: journal.tick() }]);
        break;
      case 'CreateBackfill':
      case 'ForeseeRuns':
      case 'SetBackfillPaused':
      case 'CancelBackfill':
      case 'EraseRun':
      case 'ClearTasksAcross':
      case 'MarkTasksAcross':
      case 'AnswerInput':
      case 'RecordAssetEvent':
      case 'ClearAssetQueue':
      case 'SetXCom':
      case 'DeleteXCom':
        return { kind: 'refused', code: 'not_here', message: 'Specs of their own have these.' };
      case 'SetTaskNote':
        await journal.append(runStream(dagId, body.runId), [{ type: 'TaskNoteSet', taskId: body.taskId, mapIndex: body.mapIndex, note: body.note, by: body.user, atMs: journal.tick() }]);
        break;
    }
    return { kind: 'done', position: await lastPosition() };
  });
  await house.caughtUp();
});
afterAll(() => house.close());

describe('commands', () => {
  it('answers a change with what queries then see', async () => {
    expect((await house.ask('PATCH', '/api/v2/dags/pipeline', { body: { is_paused: true } })).body).toMatchObject({ dag_id: 'pipeline', is_paused: true });
    expect((await house.get('/api/v2/dags/pipeline')).body.is_paused).toBe(true);
    expect((await house.ask('PATCH', '/api/v2/dags/pipeline?update_mask=is_paused', { body: { is_paused: false } })).body.is_paused).toBe(false);
  });

  it('starts a run with its conf and note, under the caller’s name', async () => {
    const { status, body } = await house.ask('POST', '/api/v2/dags/pipeline/dagRuns', { body: { dag_run_id: 'mine', logical_date: '2026-11-25T09:00:00+09:00', conf: { day: 1 }, note: 'try' } });
    expect(status).toBe(200);
    expect(body).toMatchObject({ dag_run_id: 'mine', state: 'running', conf: { day: 1 }, note: 'try' });
    expect(commands.at(-1)).toEqual({ type: 'TriggerRun', runId: 'mine', logicalDateMs: Date.UTC(2026, 10, 25), conf: { day: 1 }, note: 'try', triggeredBy: 'rest_api', user: 'admin' });
  });

  it('tells a refusal with its sentence', async () => {
    const { status, body } = await house.ask('POST', '/api/v2/dags/pipeline/dagRuns', { body: { dag_run_id: 'taken' } });
    expect([status, body]).toEqual([409, { detail: 'Run taken of DAG pipeline exists already: choose another run id.' }]);
  });

  it('has one effect for one idempotency key', async () => {
    const before = commands.length;
    const ask = () => house.ask('POST', '/api/v2/dags/pipeline/dagRuns', { body: { dag_run_id: 'once' }, headers: { 'idempotency-key': 'key-1' } });
    const answers = [await ask(), await ask()];
    expect(answers.map(({ status, body }) => [status, body.dag_run_id])).toEqual([[200, 'once'], [200, 'once']]);
    expect(commands.length - before).toBe(1);
    expect((await house.ask('POST', '/api/v2/dags/pipeline/dagRuns', { body: {}, headers: { 'idempotency-key': 'a b' } })).status).toBe(422);
  });

  it('shows what a clear would clear, by the domain’s own decision, and changes nothing', async () => {
    const before = commands.length;
    const { body } = await house.ask('POST', '/api/v2/dags/pipeline/clearTaskInstances', { body: { dag_run_id: 'r1', task_ids: ['extract'], only_failed: false, include_downstream: true } });
    expect(body.task_instances.map((instance: { task_id: string }) => instance.task_id)).toEqual(['extract']);
    expect(commands.length).toBe(before);
    expect((await house.ask('POST', '/api/v2/dags/pipeline/dagRuns/r1/clear', { body: {} })).body).toMatchObject({ total_entries: 1 });
  });

  it('clears, marks and notes', async () => {
    const clear = await house.ask('POST', '/api/v2/dags/pipeline/clearTaskInstances', { body: { dag_run_id: 'r1', task_ids: ['extract'], only_failed: false, dry_run: false } });
    expect(clear.body.task_instances).toMatchObject([{ task_id: 'extract', state: null, try_number: 1, max_tries: 3 }]);
    const mark = await house.ask('PATCH', '/api/v2/dags/pipeline/dagRuns/r1/taskInstances/report', { body: { new_state: 'success', note: 'by hand' } });
    expect(mark.body.task_instances).toMatchObject([{ task_id: 'report', state: 'success', note: 'by hand', reason: { code: 'marked' } }]);
    expect((await house.ask('PATCH', '/api/v2/dags/pipeline/dagRuns/r1', { body: { state: 'success', note: 'fine' } })).body).toMatchObject({ state: 'success', note: 'fine' });
  });
});

describe('who may', () => {
  it.each([
    [{}, 401],
    [{ authorization: 'Bearer nonsense' }, 401],
    [{ authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.' }, 401],
    [{ cookie: '_token=nonsense' }, 401],
  ])('%j → %i', async (headers, status) => {
    const { status: told, body } = await house.ask('GET', '/api/v2/dags', { token: null, headers });
    expect([told, typeof body.detail]).toEqual([status, 'string']);
  });

  it('takes a cookie for reading, and for changes only from the page itself', async () => {
    const cookie = `_token=${await house.signIn('admin', 'right horse')}`;
    const patch = (headers: Record<string, string>) => house.ask('PATCH', '/api/v2/dags/pipeline', { token: null, body: { is_paused: false }, headers: { cookie, ...headers } });
    expect((await house.ask('GET', '/ui/me', { token: null, headers: { cookie } })).body).toEqual({ username: 'admin', role: 'admin' });
    expect((await patch({})).status).toBe(403);
    expect((await patch({ origin: 'https://evil.example' })).status).toBe(403);
    expect((await patch({ origin: 'https://evil.example', 'x-requested-with': 'dagbook' })).status).toBe(403);
    expect((await patch({ 'x-requested-with': 'dagbook' })).status).toBe(200);
    expect((await patch({ origin: house.gateway.url })).status).toBe(200);
  });

  it('lets a viewer look and not change', async () => {
    const token = await house.signIn('guest', 'only looking');
    expect((await house.ask('GET', '/api/v2/dags', { token })).status).toBe(200);
    expect((await house.ask('PATCH', '/api/v2/dags/pipeline', { token, body: { is_paused: true } })).status).toBe(403);
  });

  it('ends a session for good', async () => {
    const token = await house.signIn('admin', 'right horse');
    expect((await house.ask('POST', '/auth/logout', { token })).status).toBe(204);
    expect((await house.ask('GET', '/api/v2/dags', { token })).status).toBe(401);
  });

  it('signs in by a link once', async () => {
    const link = house.gateway.loginLink('admin').slice(house.gateway.url.length);
    const first = await house.ask('GET', link, { token: null });
    expect([first.status, first.headers.get('location')]).toEqual([303, '/']);
    expect(first.headers.get('set-cookie')).toMatch(/^_token=.+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=86400$/);
    expect((await house.ask('GET', link, { token: null })).status).toBe(401);
  });

  it('takes a form, refuses a wrong password, and makes the eleventh try wait', async () => {
    const form = await fetch(`${house.gateway.url}/auth/token`, { method: 'POST', body: new URLSearchParams({ username: 'admin', password: 'right horse' }) });
    expect(form.status).toBe(201);
    const attempt = async (): Promise<number> => (await house.ask('POST', '/auth/token', { token: null, body: { username: 'mallory', password: 'guess' } })).status;
    const statuses = [];
    for (let at = 0; at < 11; at += 1) statuses.push(await attempt());
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429]);
  });

  it('gives no token without a password, nor to a form of another site', async () => {
    expect((await house.ask('GET', '/auth/token', { token: null })).status).toBe(403);
    const foreign = await house.ask('POST', '/auth/token', { token: null, body: { username: 'admin', password: 'right horse' }, headers: { origin: 'https://evil.example' } });
    expect([foreign.status, foreign.headers.get('set-cookie')]).toEqual([403, null]);
  });

  it('sets its headers on every answer', async () => {
    for (const path of ['/api/v2/dags', '/api/v2/nothing', '/', '/openapi.json']) {
      const { headers } = await house.get(path);
      expect(headers.get('content-security-policy'), path).toContain("frame-ancestors 'none'");
      expect(headers.get('content-security-policy'), path).not.toContain('script-src');
      expect(headers.get('x-content-type-options'), path).toBe('nosniff');
      expect(headers.get('cache-control'), path).toBe('no-store');
    }
  });
});

/** Server-sent events as they come; `until` waits for one. */
class Listening {
  readonly #abort = new AbortController();
  readonly #events: { id?: string; event: string; data: string }[] = [];
  readonly #ready: Promise<void>;
  #wake: () => void = () => undefined;

  constructor(url: string, headers: Record<string, string>) {
    this.#ready = this.#read(url, headers);
  }
  async until(event: string): Promise<{ id?: string; event: string; data: string }> {
    for (;;) {
      const at = this.#events.findIndex((told) => told.event === event);
      if (at >= 0) return this.#events.splice(0, at + 1).at(-1) as { event: string; data: string };
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
  async close(): Promise<void> {
    this.#abort.abort();
    await this.#ready.catch(() => undefined);
  }
  async #read(url: string, headers: Record<string, string>): Promise<void> {
    const response = await fetch(url, { headers, signal: this.#abort.signal });
    if (response.body === null) throw new Error('no body');
    let text = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const lines = text.slice(0, end).split('\n');
        text = text.slice(end + 2);
        const valueOf = (name: string): string | undefined => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
        const data = valueOf('data');
        const id = valueOf('id');
        if (data !== undefined) this.#events.push({ ...(id === undefined ? {} : { id }), event: valueOf('event') ?? 'message', data });
      }
      this.#wake();
    }
  }
}

describe('the live stream', () => {
  const listen = async (topics: string, lastEventId?: string): Promise<Listening> =>
    new Listening(`${house.gateway.url}/api/v2/stream?topics=${encodeURIComponent(topics)}`, {
      authorization: `Bearer ${await house.signIn('admin', 'right horse')}`,
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    });

  it('tells which runs and tasks changed, and goes on where a reader broke off', async () => {
    await journal.run(PIPELINE, 'live');
    await house.caughtUp();
    const first = await listen('dags,dag:pipeline,run:pipeline/live');
    await first.until('ready');
    await journal.succeed('pipeline', 'live', 'extract');
    const told = await first.until('run');
    expect(JSON.parse(told.data)).toEqual({ dag_id: 'pipeline', dag_run_id: 'live', task_ids: ['extract'] });
    await first.close();

    await journal.append(runStream('pipeline', 'live'), [{ type: 'RunSucceeded', atMs: journal.tick() }]);
    await house.caughtUp();
    const second = await listen('dags,dag:pipeline', told.id);
    expect(JSON.parse((await second.until('dags')).data)).toEqual({ dag_ids: ['pipeline'] });
    expect(JSON.parse((await second.until('dag')).data)).toEqual({ dag_id: 'pipeline', dag_run_ids: ['live'] });
    await second.close();
  });

  it('says reset when it does not know any more what happened since', async () => {
    const stream = await listen('dags', '1-1');
    expect((await stream.until('reset')).data).toBe('{}');
    await stream.close();
  });
});

describe('the execution API', () => {
  const key = { dagId: 'pipeline', runId: 'r1', taskId: 'extract', mapIndex: -1, tryNumber: 1 };
  const id = attemptId(key);
  const headers = (epoch: number, attempt = id): Record<string, string> => ({
    'dagbook-attempt': attempt, 'dagbook-epoch': String(epoch), authorization: `Bearer ${attemptToken(TOKEN_SECRET, attempt, epoch)}`,
  });
  const ask = (method: string, path: string, options: { body?: unknown; headers: Record<string, string> }) => house.ask(method, path, { token: null, ...options });

  beforeAll(async () => {
    await postgres.stores.events.append([
      {
        streamId: '', expectedVersion: 0, events: [],
        grants: [{ attemptId: id, epoch: 1, worker: 'w', incarnation: 'i', dagId: 'pipeline', runId: 'r1', taskId: 'extract', queue: 'default', pool: 'default_pool', poolSlots: 1, lostAfterMs: 60_000 }],
      },
    ]);
    await postgres.stores.events.putContent('bundle', 'abc', new TextEncoder().encode(JSON.stringify({ hash: 'abc', file: 'a.ts', code: 'export {}' })));
  });

  it('keeps a large result for the run that made it, once', async () => {
    const value = Array.from({ length: 100_000 }, (_, at) => `row ${at} of a table that is too long for an event`);
    const put = await ask('POST', '/execution/results', { body: { value }, headers: headers(1) });
    expect(put.status, JSON.stringify(put.body)).toBe(200);
    expect((await ask('GET', `/execution/results/${encodeURIComponent(put.body.key)}`, { headers: headers(1) })).body).toEqual({ value });
    expect((await house.ask('GET', `/execution/results/${encodeURIComponent('other/r1/t/-1/1/1')}`, { token: null, headers: headers(1) })).status).toBe(403);
  });

  it('gives connections and variables to the attempt that holds its lease', async () => {
    expect((await ask('GET', '/execution/connections/lake', { headers: headers(1) })).body).toEqual({
      conn_type: 'aws', login: 'key', description: null, extra: null, host: null, password: null, port: null, schema: null, uri: 'aws://key@',
    });
    expect((await ask('GET', '/execution/variables/region', { headers: headers(1) })).body).toEqual({ value: 'ap-northeast-2' });
    expect((await ask('GET', '/execution/variables/constructor', { headers: headers(1) })).status).toBe(404);
    expect((await ask('GET', '/execution/variables/region', { headers: headers(2) })).status).toBe(403);
    expect((await ask('GET', '/execution/variables/region', { headers: { ...headers(1), authorization: 'Bearer forged' } })).status).toBe(401);
    expect((await ask('GET', '/execution/variables/region', { headers: {} })).status).toBe(401);
  });

  it('gives code to workers', async () => {
    expect((await ask('GET', '/execution/bundles/abc', { headers: { authorization: `Bearer ${WORKER_SECRET}` } })).body).toMatchObject({ file: 'a.ts' });
    expect((await ask('GET', '/execution/bundles/none', { headers: { authorization: `Bearer ${WORKER_SECRET}` } })).status).toBe(404);
    expect((await ask('GET', '/execution/bundles/abc', { headers: { authorization: 'Bearer guess' } })).status).toBe(401);
  });
});

describe('two gateways', () => {
  it('one projects, the other follows it and takes over when it goes', async () => {
    const other = await House.open(postgres);
    const stream = new Listening(`${other.gateway.url}/api/v2/stream?topics=dags`, { authorization: `Bearer ${await other.signIn('admin', 'right horse')}` });
    await stream.until('ready');
    await journal.run(PIPELINE, 'followed');
    await stream.until('dags');
    expect((await other.get('/api/v2/dags/pipeline/dagRuns/followed')).status).toBe(200);
    await stream.close();
    await house.gateway.stop();
    await journal.run(PIPELINE, 'taken-over');
    await other.caughtUp();
    expect((await other.get('/api/v2/dags/pipeline/dagRuns/taken-over')).status).toBe(200);
    await other.close();
  });
});
