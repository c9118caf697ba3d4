import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ExecutionApiFault, HttpExecutionApi } from '../src/http-execution-api.ts';

let server: Server;
let api: HttpExecutionApi;
let asked: { method: string | undefined; url: string | undefined; headers: IncomingMessage['headers']; body: string }[];
let answer: { status: number; body: string };

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      asked.push({ method: request.method, url: request.url, headers: request.headers, body });
      response.writeHead(answer.status).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  api = new HttpExecutionApi({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, workerSecret: 'worker-secret' });
});
afterAll(() => server.close());
beforeEach(() => {
  asked = [];
  answer = { status: 200, body: 'null' };
});

const auth = { attemptId: 'd/r/t/-1/1', epoch: 4, token: 'the-token' };

test('code is asked for with the worker\'s secret', async () => {
  answer = { status: 200, body: '{"hash":"h","file":"f.ts","code":"x"}' };
  expect(await api.bundle('h/../x')).toEqual({ hash: 'h', file: 'f.ts', code: 'x' });
  expect(asked[0]).toMatchObject({ method: 'GET', url: '/execution/bundles/h%2F..%2Fx', headers: { authorization: 'Bearer worker-secret' } });
});

test('all else with the attempt\'s token', async () => {
  answer = { status: 200, body: '{"key":"k","bytes":2}' };
  expect(await api.putResult(auth, { a: '안' })).toEqual({ key: 'k', bytes: 2 });
  expect(asked[0]).toMatchObject({
    method: 'POST', url: '/execution/results', body: '{"value":{"a":"안"}}',
    headers: { authorization: 'Bearer the-token', 'dagbook-attempt': 'd/r/t/-1/1', 'dagbook-epoch': '4' },
  });
  answer = { status: 200, body: '{"value":[1]}' };
  expect(await api.getResult(auth, 'd/r/x')).toEqual([1]);
  expect(await api.variable(auth, 'v')).toEqual([1]);
  answer = { status: 200, body: '{"login":"u"}' };
  expect(await api.connection(auth, 'db')).toEqual({ login: 'u' });
});

test('what there is not is null, but a result that is gone is a fault', async () => {
  answer = { status: 404, body: '{}' };
  expect(await api.bundle('h')).toBeNull();
  expect(await api.connection(auth, 'x')).toBeNull();
  expect(await api.variable(auth, 'x')).toBeNull();
  await expect(api.getResult(auth, 'x')).rejects.toMatchObject({ code: 'execution.refused', retryable: false });
});

test('a state that a gateway does not know of is a fault, not an entry that is not there', async () => {
  answer = { status: 200, body: '{"value":3}' };
  expect(await api.state(auth, { of: { kind: 'task' }, op: 'get', key: 'k' })).toEqual({ value: 3 });
  answer = { status: 404, body: '{}' };
  await expect(api.state(auth, { of: { kind: 'task' }, op: 'set', key: 'k', value: 1 })).rejects.toMatchObject({ code: 'execution.refused', retryable: false, message: expect.stringContaining('older than this worker') });
});

test.each([[503, 'execution.unavailable', true], [429, 'execution.unavailable', true], [403, 'execution.refused', false]])('%i is %s', async (status, code, retryable) => {
  answer = { status, body: 'no' };
  await expect(api.variable(auth, 'x')).rejects.toMatchObject({ code, retryable, status });
});

test('a gateway that is away is a fault that may be tried again', async () => {
  const gone = new HttpExecutionApi({ baseUrl: 'http://127.0.0.1:1', workerSecret: 's' });
  await expect(gone.bundle('h')).rejects.toBeInstanceOf(ExecutionApiFault);
  await expect(gone.bundle('h')).rejects.toMatchObject({ code: 'execution.unavailable', retryable: true });
});
