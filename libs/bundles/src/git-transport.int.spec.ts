import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { GitBundleConfig } from './bundle-config.ts';
import { GitFiles } from './git-files.ts';

const TOKEN = 't0ken-of-a-deployment';
const PROMPTLY = { timeout: 20_000, interval: 10 };
const { signal } = new AbortController();

let root: string;
let commit: string;
let sshd: ChildProcess;
let sshPort: number;
let web: Server;
let caches = 0;

const git = (...args: string[]): string =>
  execFileSync('git', ['-C', root, '-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
const filesAt = (url: string, more: Partial<GitBundleConfig> = {}) =>
  new GitFiles({ name: 'etl', kind: 'git', url, ref: 'main', pollMs: 1_000, ...more }, join(root, `cache-${caches++}`));
const overSsh = (more: Partial<GitBundleConfig> = {}) => filesAt(`ssh://${userInfo().username}@127.0.0.1:${sshPort}${root}/origin.git`, { sshKey: join(root, 'key'), knownHosts: join(root, 'known_hosts'), ...more });
const overHttps = (login = `deploy:${TOKEN}@`) => filesAt(`https://${login}localhost:${(web.address() as AddressInfo).port}/origin.git`);
const failureOf = (files: GitFiles): Promise<string> => files.sync(signal).then(() => 'it was read', (error: Error) => error.message);

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'dagbook-transport-'));
  git('init', '--quiet', '--bare', '--initial-branch=main', join(root, 'origin.git'));
  git('clone', '--quiet', join(root, 'origin.git'), join(root, 'author'));
  writeFileSync(join(root, 'author', 'a.ts'), 'one');
  git('-C', 'author', 'add', '--all');
  git('-C', 'author', 'commit', '--quiet', '--message=first');
  git('-C', 'author', 'push', '--quiet', 'origin', 'HEAD:main');
  commit = git('-C', 'author', 'rev-parse', 'HEAD');
  await Promise.all([startSshd(), startWeb()]);
});
afterAll(async () => {
  delete process.env['GIT_SSL_CAINFO'];
  web?.closeAllConnections();
  web?.close();
  if (sshd?.exitCode === null) {
    sshd.kill();
    await once(sshd, 'exit');
  }
  rmSync(root, { recursive: true, force: true });
});

async function startSshd(): Promise<void> {
  for (const name of ['host', 'key', 'strange']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(root, name)]);
  sshPort = await freePort();
  writeFileSync(join(root, 'known_hosts'), `[127.0.0.1]:${sshPort} ${readFileSync(join(root, 'host.pub'), 'utf8')}`);
  writeFileSync(join(root, 'others_hosts'), `[127.0.0.1]:${sshPort} ${readFileSync(join(root, 'strange.pub'), 'utf8')}`);
  writeFileSync(join(root, 'sshd_config'), `
Port ${sshPort}
ListenAddress 127.0.0.1
HostKey ${join(root, 'host')}
AuthorizedKeysFile ${join(root, 'key.pub')}
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PidFile none
`);
  // Where it puts its unprivileged half to.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  const program = execFileSync('sh', ['-c', 'PATH=$PATH:/usr/sbin command -v sshd'], { encoding: 'utf8' }).trim();
  sshd = spawn(program, ['-D', '-e', '-f', join(root, 'sshd_config')], { stdio: 'ignore' });
  await vi.waitFor(() => new Promise<void>((resolve, reject) => {
    const socket = connect(sshPort, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  }), PROMPTLY);
}

/** git's own server over HTTPS, behind a login. */
async function startWeb(): Promise<void> {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: root, stdio: 'ignore' });
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'web.key', '-out', 'web.pem', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '2');
  const backend = join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend');
  const login = `Basic ${Buffer.from(`deploy:${TOKEN}`).toString('base64')}`;
  web = createServer({ key: readFileSync(join(root, 'web.key')), cert: readFileSync(join(root, 'web.pem')) }, (request, response) => {
    if (request.headers.authorization !== login) return void response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    runBackend(backend, request, response);
  });
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  process.env['GIT_SSL_CAINFO'] = join(root, 'web.pem');
}

function runBackend(program: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '/', 'https://localhost');
  const child = spawn(program, {
    env: {
      PATH: process.env['PATH'], GIT_PROJECT_ROOT: root, GIT_HTTP_EXPORT_ALL: '1', PATH_INFO: pathname, QUERY_STRING: search.slice(1), REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: request.headers['content-type'] ?? '', HTTP_CONTENT_ENCODING: String(request.headers['content-encoding'] ?? ''), GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    },
  });
  request.pipe(child.stdin);
  let answer = Buffer.alloc(0);
  child.stdout.on('data', (chunk: Buffer) => (answer = Buffer.concat([answer, chunk])));
  child.on('close', () => {
    const end = answer.indexOf('\r\n\r\n');
    const headers = answer.toString('latin1', 0, end).split('\r\n').map((line) => line.split(': ') as [string, string]);
    const status = Number(headers.find(([name]) => name === 'Status')?.[1]?.slice(0, 3) ?? 200);
    response.writeHead(status, Object.fromEntries(headers.filter(([name]) => name !== 'Status'))).end(answer.subarray(end + 4));
  });
}

const freePort = async (): Promise<number> => {
  const probe = createTcpServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
};

test('over ssh, with a key, from a host that is known', async () => {
  const files = overSsh();
  expect(await files.sync(signal)).toEqual({ changed: true, version: commit, problems: [] });
  expect(readFileSync(join(files.folder, 'a.ts'), 'utf8')).toBe('one');
});

test('over ssh, a key that is not let in, one that others may read, and a host that is another are refused with ssh’s reason', async () => {
  const shown = `ssh://127.0.0.1:${sshPort}${root}/origin.git`;
  expect(await failureOf(overSsh({ sshKey: join(root, 'strange') }))).toMatch(new RegExp(`^The git repository ${shown} of the bundle "etl" cannot be read: .*Permission denied \\(publickey.*\\)\\.$`));
  expect(await failureOf(overSsh({ knownHosts: join(root, 'others_hosts') }))).toBe(`The git repository ${shown} of the bundle "etl" cannot be read: Host key for [127.0.0.1]:${sshPort} has changed and you have requested strict checking.`);
  chmodSync(join(root, 'key'), 0o644);
  expect(await failureOf(overSsh())).toMatch(/cannot be read: Permissions 0644 for '.*\/key' are too open\.$/);
  chmodSync(join(root, 'key'), 0o600);
});

test('over https, with a token', async () => {
  const files = overHttps();
  expect(await files.sync(signal)).toEqual({ changed: true, version: commit, problems: [] });
  expect(readFileSync(join(files.folder, 'a.ts'), 'utf8')).toBe('one');
  expect(readFileSync(join(files.folder, '.git', 'config'), 'utf8')).not.toContain(TOKEN);
});

test('over https, a wrong token, none, and a server that nobody certifies are refused at once, and no token is shown', async () => {
  const port = (web.address() as AddressInfo).port;
  const wrong = await failureOf(overHttps('deploy:wr0ng-token@'));
  expect(wrong).toMatch(new RegExp(`^The git repository https://localhost:${port}/origin\\.git of the bundle "etl" cannot be read: Authentication failed for 'https://localhost:${port}/origin\\.git/?'\\.$`));
  expect(await failureOf(overHttps(''))).toMatch(/cannot be read: could not read Username for 'https:\/\/localhost:\d+'/);
  delete process.env['GIT_SSL_CAINFO'];
  expect(await failureOf(overHttps())).toMatch(/cannot be read: unable to access 'https:\/\/localhost:\d+\/origin\.git\/': .*certificate.*\.$/);
  process.env['GIT_SSL_CAINFO'] = join(root, 'web.pem');
});
