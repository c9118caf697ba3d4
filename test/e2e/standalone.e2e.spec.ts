import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { startProduct, type Product } from '../harness/product.ts';

const ROOT = process.env['DAGBOOK_ROOT'] ?? process.cwd();
const folders: string[] = [];
const products: Product[] = [];
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'dagbook-e2e-'));
  folders.push(made);
  return made;
};
const started = async (options: Parameters<typeof startProduct>[0]): Promise<Product> => {
  const product = await startProduct(options);
  products.push(product);
  return product;
};

afterEach(async () => {
  for (const product of products.splice(0)) await product.stop();
});
afterAll(() => {
  for (const made of folders) rmSync(made, { recursive: true, force: true });
});

interface Runs {
  readonly dag_runs: readonly { readonly dag_run_id: string; readonly state: string; readonly run_type: string }[];
  readonly total_entries: number;
}

/** Asks again until it holds. */
async function until<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  const found = await vi.waitUntil(
    async () => {
      const answer = await ask();
      return holds(answer) && { answer };
    },
    { timeout: 110_000, interval: 20 },
  );
  return found.answer;
}

describe('npm start', () => {
  it('runs the demo to success, catches two weeks up, and still shows them after a restart', async () => {
    const dataDir = folder();
    const first = await started({ shape: 'standalone', dataDir, dagsDir: join(ROOT, 'dags'), demo: true });
    const none: Runs = { dag_runs: [], total_entries: 0 };
    const runs = await until(() => first.api<Runs>('GET', '/api/v2/dags/seattle_weather/dagRuns?limit=100').catch(() => none), ({ dag_runs }) => dag_runs.length >= 15 && dag_runs.every((run) => run.state === 'success'));
    expect(runs.dag_runs.filter((run) => run.run_type === 'scheduled').length).toBe(14);
    await until(async () => first.output(), (output) => output.includes('Serving until Ctrl-C.'));
    expect(first.output()).toMatch(/log in once with {3}http:\/\/127\.0\.0\.1:\d+\/auth\/login\/once\?code=/);
    expect(first.output()).toMatch(/ask_station\s+up_for_retry/);
    expect(first.output()).toMatch(/run\s+success/);
    expect(statSync(join(dataDir, 'admin-password')).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, 'secrets.json')).mode & 0o777).toBe(0o600);

    first.kill('SIGINT');
    expect(await first.exited()).toBe(0);

    const second = await started({ shape: 'standalone', dataDir, dagsDir: join(ROOT, 'dags') });
    const again = await second.api<Runs>('GET', '/api/v2/dags/seattle_weather/dagRuns?limit=100');
    expect(new Set(again.dag_runs.map((run) => run.dag_run_id))).toEqual(new Set(runs.dag_runs.map((run) => run.dag_run_id)));
  });

  it('lets a login link be used once', async () => {
    const product = await started({ shape: 'standalone' });
    const link = /http:\/\/\S+code=\S+/.exec(product.output())?.[0] ?? '';
    const used = await fetch(link, { redirect: 'manual' });
    expect([302, 303, 307]).toContain(used.status);
    expect(used.headers.get('set-cookie')).toMatch(/_token=.*HttpOnly.*SameSite=Lax/i);
    expect((await fetch(link, { redirect: 'manual' })).status).toBeGreaterThanOrEqual(400);
  });

  it('copes with what a killed process has left', async () => {
    const dataDir = folder();
    const first = await started({ shape: 'standalone', dataDir });
    await first.writeDag('kept', `import { dag } from '@dagbook/sdk'; const d = dag('kept', { schedule: null }); d.task('a', async () => 1)(); export default d;`);
    await first.api('POST', '/api/v2/dags/kept/dagRuns', { dag_run_id: 'before', logical_date: null });
    await first.runsEnded('kept', 1);
    first.kill('SIGKILL');
    await first.exited();
    const second = await started({ shape: 'standalone', dataDir });
    expect(await second.api('GET', '/api/v2/dags/kept/dagRuns/before')).toMatchObject({ state: 'success' });
  });

  it.each([
    ['a port in use', async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      return { args: ['--port', String(port), '--data', folder()], sentence: `Port ${port} is in use.`, end: () => server.close() };
    }],
    ['a data folder that cannot be made', async () => {
      const file = join(folder(), 'a-file');
      writeFileSync(file, '');
      return { args: ['--port', '0', '--data', join(file, 'below')], sentence: 'cannot be written to', end: () => undefined };
    }],
  ])('meets %s with a sentence and a remedy, never a stack trace', async (_, prepare) => {
    const { args, sentence, end } = await prepare();
    const child = spawn(process.execPath, [join(ROOT, 'dist/standalone/main.js'), ...args, '--no-demo'], { cwd: ROOT, env: { ...process.env, DAGBOOK_ROOT: ROOT } });
    let output = '';
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const code = await new Promise((resolve) => child.once('exit', resolve));
    end();
    expect(code).toBe(1);
    expect(output).toContain(sentence);
    expect(output).toContain('→');
    expect(output).not.toMatch(/\n\s+at /);
  });

  it('explains itself', async () => {
    const child = spawn(process.execPath, [join(ROOT, 'dist/standalone/main.js'), '--help'], { cwd: ROOT, env: { ...process.env, DAGBOOK_ROOT: ROOT } });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
    for (const word of ['--port', '--data', '--dags']) expect(output).toContain(word);
  });
});

describe('a DAG file', () => {
  let product: Product;
  beforeAll(async () => {
    product = await startProduct({ shape: 'standalone' });
  });
  afterAll(() => product.stop());

  const source = (body: string): string => `import { dag } from '@dagbook/sdk';\nconst d = dag('edited', { schedule: null });\n${body}\nexport default d;\n`;
  interface Errors {
    readonly import_errors: readonly { readonly filename: string; readonly stack_trace: string }[];
  }
  const errors = () => product.api<Errors>('GET', '/api/v2/importErrors');

  it('appears, keeps its last good version while it is broken, and recovers', async () => {
    const file = join(product.dags, 'edited.ts');
    await product.writeDag('edited', source(`d.task('a', async () => 1)();`));
    writeFileSync(file, source(`d.task('a', async () => {;`));
    const broken = await until(errors, ({ import_errors }) => import_errors.length === 1);
    expect(broken.import_errors[0]?.filename).toContain('edited.ts');
    expect(broken.import_errors[0]?.stack_trace).toMatch(/edited\.ts:\d+/);
    await product.api('POST', '/api/v2/dags/edited/dagRuns', { dag_run_id: 'good', logical_date: null });
    await product.runsEnded('edited', 1);
    writeFileSync(file, source(`d.task('b', async () => 2)();`));
    await until(errors, ({ import_errors }) => import_errors.length === 0);
    await until(() => product.api<{ tasks: readonly { task_id: string }[] }>('GET', '/api/v2/dags/edited/tasks').catch(() => ({ tasks: [] })), ({ tasks }) => tasks.some((task) => task.task_id === 'b')).catch(() => undefined);
    unlinkSync(file);
  });

  it('that loops, exits, or says nothing sensible is an import error, and the others are read', async () => {
    const bad: Readonly<Record<string, string>> = {
      loops: 'for (;;);',
      exits: 'process.exit(0);',
      cycle: source(`const a = d.task('a', async () => 1)(); const b = d.task('b', async () => 1)(); a.after(b); b.after(a);`).replace("'edited'", "'cycle'"),
      twice: source(`d.task('a', async () => 1)(); d.task('a', async () => 1)();`).replace("'edited'", "'twice'"),
      huge: `// ${'x'.repeat(6 * 1024 * 1024)}`,
    };
    for (const [name, text] of Object.entries(bad)) writeFileSync(join(product.dags, `${name}.ts`), text.includes('@dagbook/sdk') ? text : `import '@dagbook/sdk';\n${text}`);
    await product.writeDag('fine', source(`d.task('a', async () => 1)();`).replace("'edited'", "'fine'"));
    const found = await until(errors, ({ import_errors }) => import_errors.length === Object.keys(bad).length);
    expect(found.import_errors.map((error) => error.filename.replace(/.*\//, '')).sort()).toEqual(['cycle.ts', 'exits.ts', 'huge.ts', 'loops.ts', 'twice.ts']);
    for (const name of Object.keys(bad)) unlinkSync(join(product.dags, `${name}.ts`));
    await until(errors, ({ import_errors }) => import_errors.length === 0);
  });
});

describe('bad input to the API', () => {
  let product: Product;
  beforeAll(async () => {
    product = await startProduct({ shape: 'standalone' });
    await product.writeDag('d', `import { dag } from '@dagbook/sdk'; const d = dag('d', { schedule: null }); d.task('a', async () => 1)(); export default d;`);
  });
  afterAll(() => product.stop());

  const password = (): string => readFileSync(join(product.dataDir, 'admin-password'), 'utf8').trim();
  async function ask(method: string, path: string, body: string): Promise<{ status: number; text: string }> {
    const login = await fetch(`${product.url}/auth/token`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: 'admin', password: password() }) });
    const { access_token: token } = (await login.json()) as { access_token: string };
    const response = await fetch(`${product.url}${path}`, { method, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, ...(method === 'GET' ? {} : { body }) });
    return { status: response.status, text: await response.text() };
  }

  it.each([
    ['POST', '/api/v2/dags/d/dagRuns', 'not json', ''],
    ['POST', '/api/v2/dags/d/dagRuns', '{"logical_date":"yesterday"}', 'logical_date'],
    ['POST', '/api/v2/dags/d/dagRuns', '{"logical_date":null,"colour":"red"}', 'colour'],
    ['POST', '/api/v2/dags/d/dagRuns', '{"logical_date":null,"dag_run_id":"a/b"}', 'dag_run_id'],
    ['POST', '/api/v2/dags/d/dagRuns', '{"logical_date":null,"conf":[]}', 'conf'],
    ['PATCH', '/api/v2/dags/d', '{"is_paused":"perhaps"}', 'is_paused'],
    ['GET', '/api/v2/dags?limit=-1', '', 'limit'],
    ['GET', '/api/v2/dags?order_by=colour', '', 'colour'],
    ['GET', '/api/v2/dags/nope', '', 'nope'],
    ['GET', '/api/v2/dags/..%2f..%2fetc', '', ''],
    ['POST', '/api/v2/dags/nope/dagRuns', '{"logical_date":null}', 'nope'],
  ])('%s %s %s is a 4xx that names what is wrong', async (method, path, body, named) => {
    const { status, text } = await ask(method, path, body);
    expect(status, text).toBeGreaterThanOrEqual(400);
    expect(status, text).toBeLessThan(500);
    expect(JSON.parse(text)).toHaveProperty('detail');
    expect(text).toContain(named);
  });
});
