import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { buildFiles, type BuiltFiles, pack, type Rig, startRig } from './rig.ts';

let built: BuiltFiles;
let rig: Rig;

beforeAll(async () => {
  built = await buildFiles();
});
afterAll(() => built?.remove());
afterEach(async () => {
  await rig?.close();
});

const PASSWORD = 'c4nary%@ p"w\\d-한글';
const TOKEN = 'extra-token-8271';
const OWN = 'made-by-the-task-5512';

/** Everything that code can do to show what it was given. */
const bundle = pack(`
import { spawnSync } from 'node:child_process';
import { dag } from '@dagbook/sdk';
const d = dag('test', {});

d.task('leaks', async (_input, { conn, maskSecret, log }) => {
  const { password, extra } = await conn('lake');
  const token = JSON.parse(extra).api_token;
  maskSecret({ deep: [${JSON.stringify(OWN)}] });
  console.log('plain', password, token, ${JSON.stringify(OWN)});
  console.error(JSON.stringify({ password, extra }), encodeURIComponent(password), new URLSearchParams({ password }).toString());
  console.log(Buffer.from('user:' + password).toString('base64'), Buffer.from(password).toString('hex'), JSON.stringify(JSON.stringify(password)));
  log.info('attributes', { password, nested: { token } });
  process.stdout.write('half of it: ' + password.slice(0, 6));
  process.stdout.write(password.slice(6) + '\\n');
  process.stdout.write('x'.repeat(1024 * 1024 - 5) + token + 'y'.repeat(100));
  process.stdout.write('\\n');
  log.info('z'.repeat(1024 * 1024 - 4) + token);
  spawnSync('/bin/sh', ['-c', 'echo "inherited $P"; printf %s "$T" >&2'], { stdio: 'inherit', env: { P: password, T: token } });
  spawnSync('/bin/sh', ['-c', 'head -c 1048570 /dev/zero | tr "\\\\0" w; printf %s "$T"; head -c 70000 /dev/zero | tr "\\\\0" v; echo'], { stdio: 'inherit', env: { ...process.env, T: token } });
  throw new Error('refused by postgres://u:' + password + '@h ' + 'm'.repeat(800) + token.repeat(20));
})();
d.task('short', async (_input, { conn }) => { console.log(await conn('short')); })();
d.task('last_words', async (_input, { conn }) => {
  const { password } = await conn('lake');
  spawnSync('/bin/sh', ['-c', 'echo "dying with $P" >&2'], { stdio: 'inherit', env: { P: password } });
  process.kill(process.pid, 'SIGKILL');
  await new Promise(() => setInterval(() => {}, 1000));
})();
export default d;
`);

const lake = { conn_type: 'postgres', host: 'db', login: 'u', password: PASSWORD, extra: JSON.stringify({ api_token: TOKEN, region: 'seoul' }) };

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}

/** Whatever left the worker or lies on its disk. */
const everything = (): string =>
  JSON.stringify(rig.wire.messages) + filesBelow(rig.stateDir).filter((path) => !path.includes('/bundles/')).map((path) => readFileSync(path, 'utf8')).join('\n');

test('a task that prints its secrets every way it can shows none of them', async () => {
  rig = await startRig(built);
  rig.api.connections.set('lake', lake);
  const attempt = await rig.assign({ taskId: 'leaks', bundle });
  const report = await rig.wire.finished(attempt);
  const log = (await rig.wire.log(attempt)).map((line) => String(line['event']));
  expect(report.outcome).toMatchObject({ kind: 'failed', failure: { code: 'error', message: expect.stringMatching(/^refused by postgres:\/\/u:\*\*\*@h m{800}\*\*\*$/) as string } });
  expect(log[0]).toBe('plain *** *** ***');
  expect(log).toContain('half of it: ***');
  expect(log).toContain('inherited ***');
  const seen = everything();
  const inBase64 = Buffer.from(`user:${PASSWORD}`).toString('base64');
  const ways = [PASSWORD, JSON.stringify(PASSWORD).slice(1, -1), encodeURIComponent(PASSWORD), inBase64.slice(8, -4), Buffer.from(PASSWORD).toString('hex'), TOKEN, TOKEN.slice(0, -1), TOKEN.slice(1), OWN];
  expect(ways.filter((way) => seen.includes(way) || seen.includes(JSON.stringify(way).slice(1, -1)))).toEqual([]);
});

test('nor does one whose process dies', async () => {
  rig = await startRig(built);
  rig.api.connections.set('lake', lake);
  const attempt = await rig.assign({ taskId: 'last_words', bundle });
  const report = await rig.wire.finished(attempt);
  expect(report.outcome).toMatchObject({ failure: { code: 'killed', detail: 'dying with ***\n' } });
  expect(everything()).not.toContain('c4nary');
});

test('a secret too short to hide is told of', async () => {
  rig = await startRig(built);
  rig.api.connections.set('short', { conn_type: 'http', password: '1234' });
  const attempt = await rig.assign({ taskId: 'short', bundle });
  await rig.wire.finished(attempt);
  expect((await rig.wire.log(attempt))[0]).toMatchObject({ level: 'warning', event: "A secret of the connection 'short' has fewer than 5 characters, so it is not hidden in this log." });
});
