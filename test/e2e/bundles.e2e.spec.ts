import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startProduct, type Product } from '../harness/product.ts';

const ROOT = process.env['DAGBOOK_ROOT'] ?? process.cwd();
const PATIENCE = { interval: 20, timeout: 60_000 };

let root: string;
let product: Product;

/** Commits these files to the repository that DAGs are read from. */
function push(files: { readonly [path: string]: string }): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, 'author', path)), { recursive: true });
    writeFileSync(join(root, 'author', path), text);
  }
  const git = (...args: string[]): string => execFileSync('git', ['-C', join(root, 'author'), '-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  git('add', '--all');
  git('commit', '--quiet', '--message=next');
  git('push', '--quiet', 'origin', 'HEAD:main');
  return git('rev-parse', 'HEAD');
}

/** The command line as a user has it: what it said, and its exit code. */
function dagbook(...argv: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const env = { PATH: process.env['PATH'], HOME: root, DAGBOOK_ROOT: ROOT, DAGBOOK_API_URL: product.url, DAGBOOK_TOKEN: product.token };
  return new Promise((done) => {
    execFile(process.execPath, [join(ROOT, 'dist/cli/main.js'), ...argv], { cwd: root, env }, (error, out, err) => done({ code: error === null ? 0 : Number(error.code), out, err }));
  });
}

const run = async (runId: string): Promise<{ state: string; bundle_version: string | null }> => {
  await product.api('POST', '/api/v2/dags/sales/dagRuns', { dag_run_id: runId, logical_date: null });
  const read = () => product.api<{ state: string; bundle_version: string | null }>('GET', `/api/v2/dags/sales/dagRuns/${runId}`);
  await expect.poll(async () => (await read()).state, PATIENCE).toMatch(/success|failed/);
  return read();
};
const result = async (runId: string): Promise<unknown> => {
  const { rows } = await product.db.query<{ value: unknown }>(`SELECT data -> 'result' ->> 'value' AS value FROM events WHERE stream_id = $1 AND type = 'TaskSucceeded' AND data ->> 'taskId' = 'total'`, [`run-sales/${runId}`]);
  return rows[0]?.value;
};

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'dagbook-bundles-'));
  execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', join(root, 'etl.git')]);
  execFileSync('git', ['clone', '--quiet', join(root, 'etl.git'), join(root, 'author')], { stdio: 'ignore' });
  const bundles = [{ name: 'etl', kind: 'git', url: join(root, 'etl.git'), ref: 'main', subfolder: 'dags', pollSeconds: 3_600 }];
  push({
    'dags/sales.ts': `import { bash, dag, python } from '@dagbook/sdk';
const d = dag('sales');
d.task('total', python({ module: 'op_script.sums', callable: 'total', input: [1, 2] }))();
d.task('greet', bash({ command: 'scripts/greet.sh' }))();
export default d;
`,
    'dags/op_script/sums.py': 'def total(rows):\n    return sum(rows)\n',
    'dags/scripts/greet.sh': 'echo hello {{ run_id }}\n',
    'dags/.env': 'PASSWORD=never-leaves',
  });
  product = await startProduct({ shape: 'standalone', dataDir: join(root, 'data'), env: { DAGBOOK_BUNDLES: JSON.stringify(bundles), XDG_CACHE_HOME: join(root, 'cache') } });
}, 120_000);
afterAll(async () => {
  await product?.stop();
  rmSync(root, { recursive: true, force: true });
});

it('runs Python and scripts of a repository; the next commit is the next version, and what began before keeps its own', async () => {
  await expect.poll(() => product.api('GET', '/api/v2/dags/sales').then(() => true, () => false), PATIENCE).toBe(true);
  const first = execFileSync('git', ['-C', join(root, 'author'), 'rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
  expect(await run('one')).toMatchObject({ state: 'success', bundle_version: first });
  expect(await result('one')).toBe('3');
  const second = push({ 'dags/op_script/sums.py': 'def total(rows):\n    return -sum(rows)\n' });
  const synced = await dagbook('bundles', 'sync', 'etl', '-o', 'json');
  expect(synced).toMatchObject({ code: 0, err: '' });
  expect(JSON.parse(synced.out)).toMatchObject([{ bundle_name: 'etl', kind: 'git', ref: 'main', version: second, problem: null }]);
  await expect.poll(async () => (await product.api<{ bundle_version: string }>('GET', '/api/v2/dags/sales')).bundle_version, PATIENCE).toBe(second);
  expect(await run('two')).toMatchObject({ state: 'success', bundle_version: second });
  expect([await result('two'), (await product.api<{ bundle_version: string }>('GET', '/api/v2/dags/sales/dagRuns/one')).bundle_version]).toEqual(['-3', first]);
  const { rows } = await product.db.query<{ n: number }>(`SELECT count(*)::int AS n FROM contents WHERE convert_from(content, 'UTF8') LIKE '%' || $1 || '%'`, [Buffer.from('PASSWORD=never-leaves').toString('base64').slice(0, 20)]);
  expect(rows).toEqual([{ n: 0 }]);
});

it('a run in flight keeps its TypeScript, its shared modules, its Python and its scripts through a commit; the next has the new ones', async () => {
  const files = (word: string) => ({
    'dags/kept/inflight.ts': `import { bash, dag, python } from '@dagbook/sdk';
import { word } from './lib/word.ts';
const d = dag('inflight');
const wait = d.task('wait', bash({ command: 'touch ${root}/is-waiting; until [ -e ${root}/may-go ]; do sleep 0.05; done' }))();
d.task('typescript', async () => word)().after(wait);
d.task('python', python({ module: 'lib.spoken', callable: 'word' }))().after(wait);
d.task('bash', bash({ command: 'scripts/word.sh' }))().after(wait);
export default d;
`,
    'dags/kept/lib/word.ts': `export const word = '${word}';\n`,
    'dags/kept/lib/spoken.py': 'from lib import vocabulary\ndef word():\n    return vocabulary.WORD\n',
    'dags/kept/lib/vocabulary.py': `WORD = '${word}'\n`,
    'dags/kept/scripts/word.sh': `echo ${word}\n`,
  });
  const versionOf = async (path: string): Promise<string | null> => (await product.api<{ bundle_version: string | null }>('GET', path).catch(() => ({ bundle_version: null }))).bundle_version;
  const begin = (runId: string) => product.api('POST', '/api/v2/dags/inflight/dagRuns', { dag_run_id: runId, logical_date: null });
  const words = async (runId: string): Promise<unknown> => {
    await expect.poll(async () => (await product.api<{ state: string }>('GET', `/api/v2/dags/inflight/dagRuns/${runId}`)).state, PATIENCE).toBe('success');
    const { rows } = await product.db.query<{ task: string; value: string }>(`SELECT data ->> 'taskId' AS task, data -> 'result' ->> 'value' AS value FROM events WHERE stream_id = $1 AND type = 'TaskSucceeded' AND data ->> 'taskId' <> 'wait'`, [`run-inflight/${runId}`]);
    return Object.fromEntries(rows.map(({ task, value }) => [task, value]));
  };
  const old = push(files('old'));
  await dagbook('bundles', 'sync', 'etl');
  await expect.poll(() => versionOf('/api/v2/dags/inflight'), PATIENCE).toBe(old);
  await begin('before');
  await expect.poll(() => existsSync(join(root, 'is-waiting')), PATIENCE).toBe(true);
  const renewed = push(files('new'));
  await dagbook('bundles', 'sync', 'etl');
  await expect.poll(() => versionOf('/api/v2/dags/inflight'), PATIENCE).toBe(renewed);
  writeFileSync(join(root, 'may-go'), '');
  expect(await words('before')).toEqual({ typescript: 'old', python: 'old', bash: 'old' });
  await begin('after');
  expect(await words('after')).toEqual({ typescript: 'new', python: 'new', bash: 'new' });
  expect([await versionOf('/api/v2/dags/inflight/dagRuns/before'), await versionOf('/api/v2/dags/inflight/dagRuns/after')]).toEqual([old, renewed]);
});

it('requirements that do not resolve fail the task with pip’s reason, in its log too', async () => {
  const commit = push({ 'dags/requirements.txt': '--no-index\nno-such-package==9\n' });
  expect((await dagbook('bundles', 'sync')).code).toBe(0);
  await expect.poll(async () => (await product.api<{ bundle_version: string }>('GET', '/api/v2/dags/sales')).bundle_version, PATIENCE).toBe(commit);
  expect(await run('bad')).toMatchObject({ state: 'failed', bundle_version: commit });
  const { rows } = await product.db.query<{ message: string }>(`SELECT DISTINCT data -> 'failure' ->> 'message' AS message FROM events WHERE type = 'TaskFailed'`);
  expect(rows).toEqual([{ message: 'pip could not install the requirements.txt beside the DAG: No matching distribution found for no-such-package==9' }]);
});

it('a repository that is away is told, and its DAGs go on', async () => {
  renameSync(join(root, 'etl.git'), join(root, 'away.git'));
  const synced = await dagbook('bundles', 'sync', 'etl');
  expect([synced.code, synced.err]).toEqual([1, expect.stringMatching(/^The git repository .*etl\.git of the bundle "etl" cannot be read: .* The last good version, [0-9a-f]{12}, stays in use\.\n$/)]);
  expect((await product.api<{ is_stale: boolean }>('GET', '/api/v2/dags/sales')).is_stale).toBe(false);
});

it('db clean shows, then archives and erases what ended long ago, and nothing else', async () => {
  const shown = await dagbook('db', 'clean', '--older-than', '0d', '-o', 'id');
  expect([shown.code, shown.out.split('\n').filter((line) => line === 'one' || line === 'two').sort()]).toEqual([0, ['one', 'two']]);
  expect((await dagbook('db', 'clean', '--older-than', '0d', '--yes')).code).toBe(2);
  expect((await dagbook('db', 'clean', '--older-than', '30d', '--archive', 'kept', '--yes')).out).toMatch(/^0 runs /);
  const cleaned = await dagbook('db', 'clean', '--older-than', '0d', '--dag', 'sales', '--archive', 'kept', '--yes');
  expect([cleaned.code, cleaned.out]).toEqual([0, expect.stringMatching(/^\d+ runs that ended before .* were erased and are kept in kept\.\n$/)]);
  expect(execFileSync('sha256sum', ['-c', 'SHA256SUMS'], { cwd: join(root, 'kept'), encoding: 'utf8' })).toContain('sales/one.jsonl: OK');
  const lines = readFileSync(join(root, 'kept/sales/one.jsonl'), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as { kind: string; text?: string });
  expect(lines.filter(({ kind }) => kind === 'log').map(({ text }) => text).join('')).toContain('hello one');
  expect((await product.api<{ total_entries: number }>('GET', '/api/v2/dags/sales/dagRuns')).total_entries).toBe(0);
  await expect.poll(async () => (await product.db.query<{ n: number }>(`SELECT count(*)::int AS n FROM events WHERE stream_id LIKE 'run-sales/%' OR stream_id LIKE 'attempt-sales/%'`)).rows[0]?.n, PATIENCE).toBe(0);
  expect(existsSync(join(root, 'data/logs/sales/one'))).toBe(false);
});
