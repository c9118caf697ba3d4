import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failureOf, rigOf } from '../test/rig.ts';
import { http } from './http.ts';
import { email, slack, webhook } from './notify.ts';

let server: Server;
let origin: string;
let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => answer(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const json = (response: ServerResponse, value: unknown, status = 200): void => void response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(value));

test('sends query, headers and JSON, and answers JSON', async () => {
  answer = ({ method, url, headers }, response, body) => json(response, { method, url, type: headers['content-type'], key: headers['x-key'], body });
  const { context, lines } = rigOf();
  const result = await http({ url: `${origin}/v1`, method: 'POST', query: { q: '서울 & 부산', n: 1, gone: null }, headers: { 'x-key': 'k' }, body: { rows: [1] } }, context);
  expect(result).toEqual({ method: 'POST', url: '/v1?q=%EC%84%9C%EC%9A%B8+%26+%EB%B6%80%EC%82%B0&n=1', type: 'application/json', key: 'k', body: '{"rows":[1]}' });
  expect(lines).toEqual([expect.stringMatching(/^task\.http info: POST http:\/\/127\.0\.0\.1:\d+\/v1 answered 200 with \d+ characters$/)]);
});

test('a connection gives host and credentials', async () => {
  answer = ({ url, headers }, response) => json(response, [url, headers.authorization]);
  const { port } = new URL(origin);
  const given = (password: string, login: string | null) => rigOf({ connections: { api: { conn_type: 'http', host: '127.0.0.1', port: Number(port), login, password } } }).context;
  expect(await http({ connection: 'api', url: '/a/b' }, given('p@ss%', 'user'))).toEqual(['/a/b', `Basic ${Buffer.from('user:p@ss%').toString('base64')}`]);
  expect(await http({ connection: 'api', url: 'c' }, given('token', null))).toEqual(['/c', 'Bearer token']);
});

test('a status that is not expected fails with the body; what the caller got wrong is final', async () => {
  answer = ({ url }, response) => json(response, { why: 'no' }, Number(url?.slice(1)));
  const { context } = rigOf();
  expect(await failureOf(http({ url: `${origin}/503` }, context))).toMatchObject({ code: 'error', message: `GET ${origin}/503 answered 503 Service Unavailable`, detail: '{"why":"no"}', retry: true });
  expect(await failureOf(http({ url: `${origin}/401` }, context))).toMatchObject({ retry: false });
  expect(await failureOf(http({ url: `${origin}/404` }, context))).toMatchObject({ retry: true });
  expect(await http({ url: `${origin}/404`, expect: [200, 404] }, context)).toEqual({ why: 'no' });
});

test('a server that is away, slow or not honest about JSON has its own sentence', async () => {
  const { context } = rigOf();
  expect((await failureOf(http({ url: 'http://127.0.0.1:1/x' }, context))).message).toMatch(/^GET http:\/\/127\.0\.0\.1:1\/x could not be sent: /);
  answer = () => undefined;
  expect((await failureOf(http({ url: `${origin}/slow`, within: '50ms' }, context))).message).toBe(`GET ${origin}/slow was not answered within 0.05 s`);
  answer = (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('<html>');
  expect(await failureOf(http({ url: origin }, context))).toMatchObject({ code: 'bad_output', message: `GET ${origin}/ says that its answer is JSON, and it is not: <html>` });
});

test.each([
  [{ url: 'file:///etc/passwd' }, 'http: url is "file:///etc/passwd", but must be an http or https URL'],
  [{ url: 'http://u:secret@h/x' }, 'http: url is "http://…@h/x", but must be a URL without user and password; name a connection instead'],
  [{ url: 'http://h', method: 'get' }, 'http: method is "get", but must be one of GET, POST, PUT, PATCH, DELETE, HEAD'],
  [{ url: 'http://h', within: '5 minutes' }, "http: within is \"5 minutes\", but must be a duration such as '30s', '5m' or '2h'"],
])('refuses %j', async (fields, message) => {
  expect(await failureOf(http(fields, rigOf().context))).toMatchObject({ code: 'bad_input', message, retry: false });
});

test('a webhook is signed as Standard Webhooks are', async () => {
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  let got: { headers: IncomingMessage['headers']; body: string } | undefined;
  answer = ({ headers }, response, body) => {
    got = { headers, body };
    response.end();
  };
  const { context } = rigOf({ nowMs: 1_614_265_330_000, connections: { alerts: { host: origin, password: secret, schema: 'hook' } } });
  expect(await webhook({ connection: 'alerts', payload: { test: 2432232314 } }, context)).toBeNull();
  const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
  expect(got).toMatchObject({ body: '{"test":2432232314}', headers: { 'webhook-id': 'd/r/t/-1/1', 'webhook-timestamp': '1614265330' } });
  expect(got?.headers['webhook-signature']).toBe(`v1,${createHmac('sha256', key).update('d/r/t/-1/1.1614265330.{"test":2432232314}').digest('base64')}`);
});

test("Slack's address is shown nowhere", async () => {
  answer = ({ url }, response) => void response.writeHead(url === '/services/T0/B0/secret' ? 403 : 500).end('invalid_token');
  const { context, lines } = rigOf({ connections: { slack_default: { host: `${origin}/services`, password: 'T0/B0/secret' } } });
  const failure = await failureOf(slack({ text: '끝났다' }, context));
  expect(failure).toMatchObject({ message: "POST the webhook of connection 'slack_default' answered 403 Forbidden", detail: 'invalid_token', retry: false });
  expect(JSON.stringify([failure.message, failure.detail, lines])).not.toContain('secret');
});

test('mail goes out by SMTP, and a refusal says which', async () => {
  const smtp = await startSmtp();
  const { context } = rigOf({ connections: { smtp_default: { host: '127.0.0.1', port: smtp.port, extra: { from_email: 'dagbook@example.com' } } } });
  expect(await email({ to: ['a@example.com'], bcc: 'b@example.com', subject: '보고서', text: 'done' }, context)).toMatchObject({ accepted: ['a@example.com', 'b@example.com'] });
  expect(smtp.commands.filter((line) => /^(MAIL|RCPT)/.test(line))).toEqual(['MAIL FROM:<dagbook@example.com>', 'RCPT TO:<a@example.com>', 'RCPT TO:<b@example.com>']);
  expect(smtp.commands).toContain('Subject: =?UTF-8?B?67O06rOg7ISc?=');
  expect(await failureOf(email({ to: 'gone@example.com', subject: 's', text: 't' }, context))).toMatchObject({ code: 'error', retry: false, message: expect.stringContaining('550 no such user') });
  expect(await failureOf(email({ to: 'a@example.com', subject: 's\r\nBcc: x@example.com', text: 't' }, context))).toMatchObject({ code: 'bad_input' });
  smtp.close();
});

/** As much of an SMTP server as a client needs to hand over a message. */
async function startSmtp(): Promise<{ port: number; commands: string[]; close(): void }> {
  const commands: string[] = [];
  const listener = createTcpServer((socket) => {
    let inMessage = false;
    socket.on('error', () => undefined);
    socket.write('220 test\r\n');
    socket.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().split('\r\n').slice(0, -1)) {
        commands.push(line);
        if (inMessage) {
          if (line === '.') socket.write('250 accepted\r\n');
          inMessage = line !== '.';
        } else if (line === 'DATA') {
          inMessage = true;
          socket.write('354 go on\r\n');
        } else if (line.includes('gone@')) socket.write('550 no such user\r\n');
        else socket.write('250 ok\r\n');
      }
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return { port: (listener.address() as AddressInfo).port, commands, close: () => void listener.close() };
}
