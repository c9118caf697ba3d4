import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProduct, type Product } from '../harness/product.ts';

const PATIENCE = { interval: 20, timeout: 60_000 };
const PASSWORD = 'c4nary%@ p"w\\d-서울';
const API_TOKEN = 'canary-api-token-8271';
const OF_ENVIRONMENT = 'canary-of-the-environment';
const OWN = 'canary-made-by-the-task';
const PARAM = '$(touch pwned); `touch pwned`\' " && touch pwned';

/** Prints what it was given in every way that its author could think of. */
const LEAKY = `
import { bash, dag, python } from '@dagbook/sdk';
import { z } from 'zod';
const d = dag('leaky', { params: z.object({ hostile: z.string().default('none') }) });
const seen = d.task('code', async (_input, { conn, variable, maskSecret, log }) => {
  const lake = await conn('lake');
  const token = await variable('api_token');
  const outside = await conn('outside');
  maskSecret(${JSON.stringify(OWN)});
  const all = { lake, token, outside, own: ${JSON.stringify(OWN)} };
  console.log(all, JSON.stringify(all), encodeURIComponent(lake.password), Buffer.from(JSON.stringify(all)).toString('base64'));
  console.error(lake.uri, Buffer.from(token).toString('hex'));
  log.warn('attributes', all);
})();
const shell = d.task('shell', bash({
  command: "echo \\"{{ conn.lake.password }}\\" '{{ var.value.api_token }}' | tee /dev/stderr; echo '{{ conn.lake.get_uri() }}' | base64 -w0; env; echo '<{{ params.hostile }}>'",
  env: { TOKEN: '{{ var.value.api_token }}', OUTSIDE: '{{ conn.outside.password }}' },
}))();
const snake = d.task('snake', python({ code: "import sys, json, base64, urllib.parse\\ndef leak(password):\\n  print(password, json.dumps(password), repr(password), urllib.parse.quote(password), base64.b64encode(password.encode()).decode())\\n  sys.stdout.flush()\\n  raise RuntimeError('cannot log in with ' + password)", callable: 'leak', input: { password: '{{ conn.lake.password }}' } }))();
shell.after(seen); snake.after(shell);
d.task('missing', bash({ command: 'echo {{ conn.nowhere.host }}' }))();
export default d;
`;

/** Each in the forms that a program may write it in. */
const WAYS = [PASSWORD, API_TOKEN, OF_ENVIRONMENT].flatMap((secret) => [
  secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), Buffer.from(secret).toString('hex'), Buffer.from(secret).toString('base64').replace(/.{2}=*$/, ''),
]);

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    const entry = statSync(path, { throwIfNoEntry: false });
    return entry === undefined ? [] : entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
  });
}

describe('secrets, in the whole product', () => {
  let product: Product;

  beforeAll(async () => {
    product = await startProduct({ shape: 'standalone', env: { DAGBOOK_CONN_OUTSIDE: `http://u:${OF_ENVIRONMENT}@host` } });
    await product.api('POST', '/api/v2/connections', { connection_id: 'lake', conn_type: 'postgres', host: 'db', login: 'etl', password: PASSWORD, extra: '{"sslmode":"require"}' });
    await product.api('POST', '/api/v2/variables', { key: 'api_token', value: API_TOKEN });
    await product.writeDag('leaky', LEAKY);
    await product.api('POST', '/api/v2/dags/leaky/dagRuns', { dag_run_id: 'asked', logical_date: '2026-01-05T00:00:00Z', conf: { hostile: PARAM } });
  }, 120_000);
  afterAll(() => product?.stop());

  const instance = (taskId: string) => product.api<{ state: string; reason: { message: string }; rendered_fields: Record<string, unknown> }>('GET', `/api/v2/dags/leaky/dagRuns/asked/taskInstances/${taskId}`);
  const logOf = async (taskId: string): Promise<string[]> =>
    (await product.api<{ content: { event: string }[] }>('GET', `/api/v2/dags/leaky/dagRuns/asked/taskInstances/${taskId}/logs/1`)).content.map(({ event }) => event);

  it('every task had them, and shows stars', async () => {
    await expect.poll(async () => (await product.api<{ state: string }>('GET', '/api/v2/dags/leaky/dagRuns/asked')).state, PATIENCE).toBe('failed');
    expect((await instance('code')).state).toBe('success');
    const shell = await instance('shell');
    expect([shell.state, shell.rendered_fields['env']]).toEqual(['success', { TOKEN: '***', OUTSIDE: '***' }]);
    expect(await logOf('shell')).toContain('*** ***');
    expect((await instance('snake')).reason.message).toBe('RuntimeError: cannot log in with ***');
  });

  it('what a param holds reached the shell and was not run', async () => {
    expect(await logOf('shell')).toContain(`<${PARAM}>`);
    expect(filesBelow(product.dataDir).filter((path) => path.endsWith('pwned'))).toEqual([]);
  });

  it('a connection that is nowhere fails its task with its name and where it was looked for', async () => {
    expect((await instance('missing')).reason.message).toBe(
      "command of 'missing' cannot be rendered: there is no connection 'nowhere': it was looked for in the secrets files beside the DAGs, in DAGBOOK_CONN_NOWHERE, and among the stored ones (dagbook connections set nowhere)",
    );
  });

  it('none is anywhere in the database, in any file, in what the API answers or in what the process printed', async () => {
    const { rows: tables } = await product.db.query<{ name: string }>("SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')");
    const places: [string, string][] = [['the output', product.output()]];
    for (const { name } of tables) {
      const { rows } = await product.db.query<{ line: string }>(`SELECT t::text AS line FROM ${name} t`);
      // A bytea is printed in hexadecimal.
      places.push([name, rows.map(({ line }) => line + line.replaceAll(/\\\\x([\da-f]+)/g, (_, hex: string) => Buffer.from(hex, 'hex').toString('latin1'))).join('\n')]);
    }
    for (const path of ['/api/v2/connections', '/api/v2/variables', '/api/v2/dags/leaky/dagRuns/asked/taskInstances', ...['code', 'shell', 'snake'].map((task) => `/api/v2/dags/leaky/dagRuns/asked/taskInstances/${task}/logs/1`)]) {
      places.push([path, JSON.stringify(await product.api('GET', path))]);
    }
    await product.db.query('CHECKPOINT');
    for (const path of filesBelow(product.dataDir)) places.push([path, readFileSync(path, 'latin1')]);
    const found = places.flatMap(([place, text]) => WAYS.filter((way) => text.includes(way) || text.includes(Buffer.from(way).toString('latin1'))).map((way) => `${way} in ${place}`));
    expect(found).toEqual([]);
    // The DAG's own file says this one, so its code does wherever it is kept.
    expect((await logOf('code')).join('\n')).not.toContain(OWN);
  });
});
