import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProduct, type Product } from '../harness/product.ts';

const ROOT = process.env['DAGBOOK_ROOT'] ?? process.cwd();
const MAIN = join(ROOT, 'dist/cli/main.js');

/** As a user runs it, without a terminal. */
function dagbook(env: NodeJS.ProcessEnv, cwd: string, argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...argv], { env, cwd, maxBuffer: 50_000_000 }, (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }));
  });
}

/** One installation on this machine: the CLI finds it by its data folder, as after `npm start`. */
describe('dagbook beside a standalone instance', () => {
  let product: Product;
  let home: string;

  beforeAll(async () => {
    product = await startProduct({ shape: 'standalone' });
    home = join(product.dataDir, 'home');
    mkdirSync(home);
    await product.writeDag('shop', `import { dag } from '@dagbook/sdk';
      const d = dag('shop', { schedule: '30 2 * * *', timezone: 'Europe/Berlin', pausedUponCreation: true });
      const rows = d.task('rows', async (_: {}, ctx) => { ctx.log.info('reading', { source: '가게' }); return [1, 2]; })();
      const twice = d.task('twice', async ({ n }: { n: number }, ctx) => { ctx.log.info('n is ' + n); return n * 2; }).expand({ n: rows });
      d.task('sum', async ({ all }: { all: number[] }, ctx) => {
        if ((ctx.params as { fail?: boolean }).fail === true) throw new Error('the shop is closed');
        return all.length;
      })({ all: twice });
      export default d;`);
    await product.writeDag('slow', `import { dag } from '@dagbook/sdk';
      const d = dag('slow', { schedule: null });
      d.task('wait', async (_: {}, ctx) => {
        ctx.log.info('waiting');
        await new Promise<void>((resolve) => ctx.signal.addEventListener('abort', () => resolve()));
      })();
      export default d;`);
  });
  afterAll(() => product.stop());

  const env = (): NodeJS.ProcessEnv => ({ PATH: process.env['PATH'], HOME: home, DAGBOOK_ROOT: ROOT, DAGBOOK_DATA: product.dataDir });

  const run = (...argv: string[]): ReturnType<typeof dagbook> => dagbook(env(), product.dataDir, argv);
  async function data<T>(...argv: string[]): Promise<T> {
    const { code, out, err } = await run(...argv, '-o', 'json');
    expect(code, err).toBe(0);
    return JSON.parse(out) as T;
  }

  it('knows the instance and its user without a login', async () => {
    expect(await data('auth', 'whoami')).toEqual({ username: 'admin', role: 'admin', url: product.url });
    expect(await data('version')).toEqual({ cli: '0.1.0', server: '0.1.0' });
  });

  it('lists and shows DAGs, pauses and unpauses them', async () => {
    expect(await run('dags', 'list', '-o', 'id')).toEqual({ code: 0, out: 'shop\nslow\n', err: '' });
    expect(await data('dags', 'show', 'shop')).toMatchObject({ is_paused: true, tasks: [{ task_id: 'rows' }, { task_id: 'sum' }, { task_id: 'twice' }] });
    expect(await data('dags', 'unpause', 'slow')).toMatchObject([{ dag_id: 'slow', is_paused: false }]);
    expect(await data('dags', 'pause', 'slow')).toMatchObject([{ dag_id: 'slow', is_paused: true }]);
    expect(await data('dags', 'unpause', 'slow')).toMatchObject([{ is_paused: false }]);
    expect(await run('dags', 'show', 'nope')).toMatchObject({ code: 4, out: '' });
  });

  it('says when a DAG runs next', async () => {
    const runs = await data<{ run_after: string; note: string | null }[]>('dags', 'next', 'shop', '-n', '100');
    expect(runs).toHaveLength(100);
    expect(new Set(runs.map(({ run_after: at }) => new Date(at).toLocaleTimeString('sv-SE', { timeZone: 'Europe/Berlin', timeStyle: 'short' })))).toContain('02:30');
    expect(await run('dags', 'next', 'slow')).toMatchObject({ code: 0, err: expect.stringContaining('Time does not start runs of slow') });
  });

  it('runs a DAG by hand, watches it, and shows what it did', async () => {
    await data('dags', 'unpause', 'shop');
    const watched = await run('dags', 'trigger', 'shop', '--run-id', 'good', '--set', 'day=2027-01-05', '--watch');
    expect(watched).toMatchObject({ code: 0, err: '' });
    const types = watched.out.trim().split('\n').map((line) => line.split('  ')[1]);
    expect([types[0], types.at(-1)]).toEqual(['RunCreated', 'RunSucceeded']);
    expect(types.filter((type) => type === 'TaskSucceeded')).toHaveLength(4);
    expect(await data('runs', 'show', 'shop', 'good')).toMatchObject({ state: 'success', conf: { day: '2027-01-05' }, task_instances: { length: 4 } });
    expect(await run('tasks', 'list', 'shop', 'good', '-o', 'id')).toEqual({ code: 0, out: 'rows\nsum\ntwice[0]\ntwice[1]\n', err: '' });
    expect(await run('tasks', 'logs', 'shop', 'good', 'twice[1]', '-o', 'id')).toEqual({ code: 0, out: 'n is 2\n', err: '' });
    expect(await run('tasks', 'logs', 'shop', 'good', 'rows')).toMatchObject({ code: 0, out: expect.stringMatching(/^\S+ {2}info {6}reading source=가게\n$/) });
    expect(await run('tasks', 'logs', 'shop', 'good', 'twice')).toMatchObject({ code: 4, err: expect.stringContaining('twice[0]') });
    const events = await data<{ type: string }[]>('runs', 'events', 'shop', 'good');
    expect(events.filter(({ type }) => type === 'AttemptGranted')).toHaveLength(4);
  });

  it('fails with the run that fails, and clears what failed only when told to', async () => {
    expect(await run('dags', 'trigger', 'shop', '--run-id', 'bad', '--set', 'fail=true', '--watch', '-o', 'json')).toMatchObject({
      code: 1, out: expect.stringContaining('"state": "failed"'), err: expect.stringContaining('Failed: sum.\n  → dagbook tasks logs shop bad sum'),
    });
    expect(await run('runs', 'list', 'shop', '--state', 'failed', '-o', 'id')).toEqual({ code: 0, out: 'bad\n', err: '' });
    expect(await run('runs', 'clear', 'shop', 'bad', '--only-failed', '-o', 'id')).toEqual({ code: 0, out: 'sum\n', err: 'Nothing was cleared. --yes clears these 1.\n' });
    expect(await data('tasks', 'list', 'shop', 'bad', '--state', 'failed')).toMatchObject([{ task_id: 'sum', try_number: 1 }]);
    expect(await run('tasks', 'clear', 'shop', 'bad', 'twice[0]', '--downstream', '--yes', '-o', 'id')).toEqual({ code: 0, out: 'sum\ntwice[0]\n', err: '' });
    expect(await run('runs', 'watch', 'shop', 'bad')).toMatchObject({ code: 1 });
    expect(await data('tasks', 'list', 'shop', 'bad', '--state', 'failed')).toMatchObject([{ task_id: 'sum', try_number: 2 }]);
  });

  it('follows a log while it is written; Ctrl-C ends the following, not the run', async () => {
    await data('dags', 'trigger', 'slow', '--run-id', 'long');
    const follower = spawn(process.execPath, [MAIN, 'tasks', 'logs', 'slow', 'long', 'wait', '-f', '-o', 'id'], { env: env(), stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(follower.stdout, 'data')) as [Buffer];
    expect(line.toString()).toBe('waiting\n');
    follower.kill('SIGINT');
    expect(await once(follower, 'exit')).toEqual([130, null]);
    expect(await data('runs', 'show', 'slow', 'long')).toMatchObject({ state: 'running' });
    await product.api('PATCH', '/api/v2/dags/slow/dagRuns/long', { state: 'failed' });
  });

  it('logs in with a password from stdin, and is refused with a wrong one', async () => {
    const login = (password: string): Promise<number | null> => {
      const child = spawn(process.execPath, [MAIN, 'auth', 'login', '--password-stdin'], { env: env(), stdio: ['pipe', 'ignore', 'ignore'] });
      child.stdin.end(password);
      return once(child, 'exit').then(([code]) => code as number | null);
    };
    expect(await login('wrong')).toBe(3);
    expect(await login(readFileSync(join(product.dataDir, 'admin-password'), 'utf8'))).toBe(0);
    expect(await data('auth', 'whoami')).toMatchObject({ username: 'admin' });
  });
});

describe('dagbook without any service', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'dagbook-cli-'));
    mkdirSync(join(folder, 'dags'));
    writeFileSync(join(folder, 'dags/good.ts'), `import { dag } from '@dagbook/sdk';
      const d = dag('good', { schedule: null });
      const n = d.task('n', async () => { console.log('printed'); return 1; })();
      d.task('check', async ({ n }: { n: number }) => { if (n > 5) throw new Error('too many'); })({ n });
      export default d;`);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const run = (...argv: string[]): ReturnType<typeof dagbook> => dagbook({ PATH: process.env['PATH'], HOME: folder, DAGBOOK_ROOT: ROOT }, folder, argv);

  it('checks DAG files, and names the line that is wrong', async () => {
    expect(await run('dags', 'check', '-o', 'id')).toEqual({ code: 0, out: 'good\n', err: '' });
    writeFileSync(join(folder, 'bad.ts'), `import { dag } from '@dagbook/sdk';\nexport default dag('bad' {});\n`);
    writeFileSync(join(folder, 'none.ts'), 'export const a = 1;\n');
    const { code, out } = await run('dags', 'check', 'bad.ts', 'none.ts', 'dags', '-o', 'json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject([
      { file: 'bad.ts', dag_id: null, error: { code: 'syntax', line: 2 } },
      { file: 'none.ts', dag_id: null, error: { code: 'no_dag' } },
      { file: 'dags/good.ts', dag_id: 'good', tasks: 2, error: null },
    ]);
  });

  it('runs a DAG in one process; what tasks print is no data', async () => {
    expect(await run('dags', 'test', 'good', '-o', 'json')).toEqual({
      code: 0, err: 'printed\n',
      out: `${JSON.stringify({ dag_id: 'good', state: 'success', tasks: [{ task_id: 'n', state: 'success' }, { task_id: 'check', state: 'success' }] }, null, 2)}\n`,
    });
    expect(await run('dags', 'test', 'good', '--mock', 'n=7', '-o', 'id')).toEqual({ code: 1, out: 'good\n', err: 'error   check  too many\nThe test run of good failed.\n' });
    expect(await run('dags', 'test', 'nope')).toMatchObject({ code: 4, out: '' });
  });

  it('finds the files beside a DAG, runs operators on them and shows what a date would render', async () => {
    for (const [path, text] of Object.entries({
      'dags/team/files.ts': `import { bash, dag, python, sql } from '@dagbook/sdk';
        const d = dag('files', {});
        const say = d.task('say', bash({ command: 'scripts/say.sh' }))();
        d.task('clean', python({ module: 'op_script.orders', callable: 'clean', input: { said: say } }))();
        d.task('load', sql({ sql: 'sql/load.sql', values: ['{{ dag.dag_id }}'] }))();
        export default d;`,
      'dags/scripts/say.sh': `cat "$DAGBOOK_BUNDLE_PATH/sql/load.sql"`,
      'dags/op_script/orders.py': 'def clean(said):\n    print(said.upper())\n    return said',
      'dags/sql/load.sql': "SELECT '{{ ds }}'",
    })) {
      mkdirSync(join(folder, path, '..'), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const tested = await run('dags', 'test', 'files', '--mock', 'load={"rowCount": 1}', '-o', 'id');
    expect([tested.code, tested.err.includes("SELECT '{{ DS }}'")]).toEqual([0, true]);
    expect(await run('tasks', 'render', 'files', 'load', '2027-01-05', '-o', 'json')).toMatchObject({ code: 0, out: `${JSON.stringify({ sql: "SELECT '2027-01-05'", values: ['files'] }, null, 2)}\n` });
  });

  it('says that there is no Dagbook to speak to', async () => {
    expect(await run('runs', 'list')).toMatchObject({ code: 5, out: '' });
    expect(await run('version', '-o', 'json')).toMatchObject({ code: 0, out: `${JSON.stringify({ cli: '0.1.0', server: null }, null, 2)}\n` });
  });
});
