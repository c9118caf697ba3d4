import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bash as declaredBash, dag, provideOperators, python as declaredPython } from '@dagbook/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, type RigOptions, rigOf } from '../test/rig.ts';
import { aws } from './aws.ts';
import { bash } from './bash.ts';
import { http, isOfTheHost } from './http.ts';
import { operators } from './index.ts';
import { email, slack, webhook } from './notify.ts';
import { python } from './python.ts';
import { s3List } from './s3.ts';
import { sql } from './sql.ts';

let server: Server;
let origin: string;
let elsewhere: string;
let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;

const listening = async (): Promise<Server> => {
  const made = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => answer(request, response, body));
  });
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return made;
};
const addressOf = (of: Server): string => `http://127.0.0.1:${(of.address() as AddressInfo).port}`;
let second: Server;

beforeAll(async () => {
  [server, second] = [await listening(), await listening()];
  [origin, elsewhere] = [addressOf(server), addressOf(second)];
  provideOperators(operators);
});
afterAll(() => {
  for (const each of [server, second]) {
    each.closeAllConnections();
    each.close();
  }
  provideOperators({});
});

describe('what a template prints into a command is never code', () => {
  const HOSTILE = ['$(echo owned)', '`echo owned`', '"; echo owned; "', "'; echo owned; '", '\\"$(echo owned)', '| echo owned', '&& echo owned', '> /dev/null', '$HOME', '!!', '*', '~', '-n', '한글 \\n 공백', 'a\nb', '${IFS}', '#'];
  const said = async (command: string, param: string): Promise<unknown> => {
    const d = dag('d');
    const value = d.task('value', async () => param)();
    const say = d.task('say', declaredBash({ command, env: { MORE: value } }))();
    const result = await d.test({ log: () => undefined, conf: { param } });
    return result.state === 'success' ? result.value(say) : result.state;
  };

  it.each(HOSTILE)('%j, in quotes of either kind, is itself', async (param) => {
    const lines = param.split('\n');
    for (const command of ['printf %s "{{ dag_run.conf.param }}"', "printf %s '{{ dag_run.conf.param }}'", 'printf %s "$MORE"']) expect(await said(command, param)).toBe(lines.at(-1));
  });

  it.each([
    ['a\0b', 'the command could not start: the value of DAGBOOK_VALUE_1 holds a NUL character, which no environment can carry'],
    ['x'.repeat(10_000_000), 'the command could not start: a value of its environment, or all together, is larger than the system allows (128 KB one, about 2 MB all): hand large values over by file, or as the input of python'],
  ])('a value that no environment can carry fails with a sentence, and is not tried again', async (param, sentence) => {
    const d = dag('d');
    const value = d.task('value', async () => param)();
    d.task('say', declaredBash({ command: 'echo "{{ ti.xcom_pull(\'value\') }}"' }), { retries: 3 })().after(value);
    const lines: string[] = [];
    await d.test({ log: ({ event }) => void lines.push(event) });
    expect(lines).toEqual([expect.stringMatching(/^the command could not start: /)]);
    expect(lines[0]?.replace(/DAGBOOK_\w+/, 'DAGBOOK_VALUE_1')).toBe(sentence);
  });

  it('10 MB of a template reach Python as its input', async () => {
    const d = dag('d');
    const value = d.task('value', async () => 'x'.repeat(10_000_000))();
    const size = d.task('size', declaredPython({ code: 'def size(text): return len(text)', callable: 'size', input: { text: '{{ ti.xcom_pull("value") }}' } }))().after(value);
    const result = await d.test({ log: () => undefined });
    expect(result.value(size)).toBe(10_000_000);
  });
});

describe('a failed command says why by its own last words', () => {
  it.each([
    ['cat /no/such/file', 'the command ended with exit code 1: cat: /no/such/file: No such file or directory'],
    ['echo first >&2; echo second >&2; echo "" >&2; exit 3', 'the command ended with exit code 3: second'],
    ['echo only said; exit 3', 'the command ended with exit code 3'],
    [`printf '\\033[31mred\\033[0m' >&2; exit 1`, 'the command ended with exit code 1: [31mred [0m'],
  ])('%s', async (command, message) => {
    expect((await failureOf(bash({ command }, rigOf().context))).message.replaceAll(/ {2,}/g, ' ')).toBe(message);
  });

  it('but no longer than a sentence', async () => {
    const { message } = await failureOf(bash({ command: `head -c 5000 /dev/zero | tr '\\0' x >&2; exit 1` }, rigOf().context));
    expect(message).toBe(`the command ended with exit code 1: ${'x'.repeat(300)}…`);
  });
});

describe('connections', () => {
  const of = (connection: NonNullable<RigOptions['connections']>[string]) => rigOf({ connections: { it: connection } }).context;

  it.each([
    ['sql of mysql', () => sql({ connection: 'it', sql: 'SELECT 1' }, of({ conn_type: 'mysql', host: 'h', password: 'hunter2' })), "the connection 'it' cannot be used: it is of type mysql, and one of type postgres is needed here"],
    ['s3 of postgres', () => s3List({ connection: 'it', bucket: 'lake' }, of({ conn_type: 'postgres', host: 'h' })), "the connection 'it' cannot be used: it is of type postgres, and one of type aws is needed here"],
    ['http of aws', () => http({ connection: 'it', url: '/' }, of({ conn_type: 'aws', login: 'k' })), "the connection 'it' cannot be used: it is of type aws, and one of type http is needed here"],
    ['email of http', () => email({ connection: 'it', to: 'a@b.c', subject: 's', text: 't' }, of({ conn_type: 'http', host: 'h' })), "the connection 'it' cannot be used: it is of type http, and one of type smtp is needed here"],
    ['a port', () => sql({ connection: 'it', sql: 'SELECT 1' }, of({ conn_type: 'postgres', port: 70_000 })), "the connection 'it' cannot be used: its port must be a number from 1 to 65535"],
    ['an extra', () => sql({ connection: 'it', sql: 'SELECT 1' }, of({ conn_type: 'postgres', extra: 'no json' as never })), "the connection 'it' cannot be used: its extra must be a JSON object"],
  ])('%s cannot be used, and no retry mends it', async (_, run, message) => {
    expect(await failureOf(run())).toMatchObject({ code: 'bad_input', message, retry: false });
  });

  it('a type that nobody knows may be anything', async () => {
    answer = (_, response) => void response.end('ok');
    expect(await http({ connection: 'it', url: '/' }, of({ conn_type: 'our_api', host: origin }))).toBe('ok');
  });

  it('what is not there, or away, may come', async () => {
    expect(await failureOf(webhook({ connection: 'gone', payload: {} }, of({})))).toMatchObject({ code: 'bad_input', retry: true, message: "there is no connection 'gone': it was looked for in the secrets files beside the DAGs, in DAGBOOK_CONN_GONE, and among the stored ones (dagbook connections set gone)" });
    const closed = await listening();
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    expect(await failureOf(slack({ connection: 'it', text: 't' }, of({ host: `http://127.0.0.1:${port}`, password: 'T/B/secret' })))).toMatchObject({ retry: true, message: `POST the webhook of connection 'it' could not be sent: ECONNREFUSED: connect ECONNREFUSED 127.0.0.1:${port}` });
    expect(await failureOf(email({ connection: 'it', to: 'a@b.c', from: 'a@b.c', subject: 's', text: 't' }, of({ host: '127.0.0.1', port: 1 })))).toMatchObject({ retry: true, message: 'the message was not accepted by 127.0.0.1: connect ECONNREFUSED 127.0.0.1:1' });
  });
});

describe('programs that are not there', () => {
  it('the AWS CLI', async () => {
    const { context } = rigOf({ environment: { PATH: '/nowhere' } });
    const path = process.env['PATH'];
    process.env['PATH'] = '/nowhere';
    try {
      expect(await failureOf(aws({ args: ['s3', 'ls'] }, context))).toMatchObject({ code: 'error', message: 'the AWS CLI could not start: aws does not exist on this worker' });
    } finally {
      process.env['PATH'] = path;
    }
  });

  it.each([
    [{ python: 'python9', code: '1' }, 'the Python code could not start: python9 does not exist on this worker'],
    [{ module: 'json', callable: 'load.nothing' }, "there is nothing to call by the name 'load.nothing' in json"],
    [{ code: 'def f(:' , callable: 'f' }, 'SyntaxError: invalid syntax (<code of the task>, line 1)'],
    [{ code: 'def f(a): return a', callable: 'f', input: { b: 1 } }, "TypeError: f() got an unexpected keyword argument 'b'"],
  ])('python with %j', async (fields, message) => {
    expect((await failureOf(python(fields, rigOf().context))).message).toBe(message);
  });

  it('what Python prints is log, however much; only what it answers is a result', async () => {
    const { context, lines } = rigOf();
    expect(await python({ code: `def f():\n    print('{"not": "the result"}')\n    print('y' * 3_000_000)\n    return [1]`, callable: 'f' }, context)).toEqual([1]);
    expect(lines.map((line) => line.length)).toEqual([39, 1_048_594, 1_048_594, 3_000_000 - 2 * 1_048_576 + 18]);
  });
});

describe('http', () => {
  const run = (fields: object) => http({ url: origin, ...fields }, rigOf().context);

  it('follows redirects as a browser does', async () => {
    answer = ({ method, url, headers }, response, body) => (url === '/old' ? void response.writeHead(302, { location: '/new' }).end() : void response.end(`${method} ${url} ${String(headers['x-key'])} ${headers['content-type']} ${body}`));
    expect(await run({ url: `${origin}/old`, method: 'POST', body: { a: 1 }, headers: { 'x-key': 'k' } })).toBe('GET /new k undefined ');
    answer = ({ method, url, headers }, response, body) => (url === '/old' ? void response.writeHead(307, { location: '/new' }).end() : void response.end(`${method} ${url} ${headers['content-type']} ${body}`));
    expect(await run({ url: `${origin}/old`, method: 'POST', body: { a: 1 } })).toBe('POST /new application/json {"a":1}');
  });

  it('hands no header and no credential on to another origin', async () => {
    answer = ({ url, headers }, response) => (url === '/old' ? void response.writeHead(302, { location: `${elsewhere}/new` }).end() : void response.end(`${headers.authorization} ${String(headers['x-api-key'])}`));
    const { context } = rigOf({ connections: { api: { conn_type: 'http', host: origin, login: 'u', password: 'secret' } } });
    expect(await http({ connection: 'api', url: '/old', headers: { 'x-api-key': 'secret' } }, context)).toBe('undefined undefined');
  });

  it.each([
    ['file:///etc/passwd', 'was redirected to what is no http or https URL'],
    ['gopher://h/', 'was redirected to what is no http or https URL'],
    ['http://[bad', 'was redirected to what is no http or https URL'],
    ['/loop', 'was redirected more than 10 times'],
  ])('a redirect to %s is not followed', async (location, sentence) => {
    answer = (_, response) => void response.writeHead(302, { location }).end();
    expect(await failureOf(run({ url: `${origin}/loop` }))).toMatchObject({ code: 'error', retry: false, message: `GET ${origin}/loop ${sentence}` });
  });

  it.each(['http://localhost:3/', 'http://127.1.2.3/', 'http://2130706433/', 'http://0x7f.1/', 'http://0/', 'http://169.254.169.254/latest/', 'http://[::1]/', 'http://[fe80::1]/', 'http://[::ffff:169.254.169.254]/', 'http://[fd00:ec2::254]/', 'http://metadata.google.internal/'])('%s is an address of the host itself, to which nothing from outside may redirect', (url) => {
    expect([isOfTheHost(new URL(url)), isOfTheHost(new URL('http://example.com/')), isOfTheHost(new URL('http://10.0.0.1/'))]).toEqual([true, false, false]);
  });

  it.each([
    [{ headers: { 'x-a': 'b\r\nx-b: c' } }, 'http: headers.x-a must be one line of Latin letters; write other text percent-encoded'],
    [{ headers: { 'x-a': '서울' } }, 'http: headers.x-a must be one line of Latin letters; write other text percent-encoded'],
    [{ headers: { 'x a': 'b' } }, 'http: headers is "x a", but must be named by letters, digits and -'],
    [{ body: 'b' }, 'http: a GET request has no body: leave it out, or choose another method'],
    [{ url: 'http://h:99999/' }, 'http: url is "http://h:99999/", but must be an http or https URL'],
    [{ url: '/path' }, 'http: url is "/path", but must be an http or https URL'],
  ])('refuses %j', async (fields, message) => {
    expect(await failureOf(run(fields))).toMatchObject({ code: 'bad_input', message, retry: false });
  });

  it('an answer that never ends is given up, one that is too much is not gathered', async () => {
    answer = (_, response) => {
      const drip = setInterval(() => response.write('.'), 5);
      response.on('close', () => clearInterval(drip));
    };
    expect((await failureOf(run({ within: '200ms' }))).message).toBe(`GET ${origin}/ was not answered within 0.2 s`);
    answer = (_, response) => {
      const piece = Buffer.alloc(4 * 1024 * 1024);
      const more = (): void => void (response.writable && !response.destroyed && response.write(piece, more));
      more();
    };
    expect(await failureOf(run({}))).toMatchObject({ code: 'bad_output', retry: false, message: `GET ${origin}/ answered more than 64 MB, which is too much for a result; fetch it to a file` });
  });

  it('reads the charset that a server names', async () => {
    answer = (_, response) => void response.writeHead(200, { 'content-type': 'text/plain; charset=euc-kr' }).end(Buffer.from([0xbc, 0xad, 0xbf, 0xef]));
    expect(await run({})).toBe('서울');
  });

  it('a server without TLS, asked for it, says so', async () => {
    expect((await failureOf(run({ url: origin.replace('http:', 'https:') }))).message).toMatch(/^GET https:\/\/127\.0\.0\.1:\d+\/ could not be sent: \S/);
  });
});
