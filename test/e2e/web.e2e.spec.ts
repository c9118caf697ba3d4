import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProduct, type Product } from '../harness/product.ts';

const DAG = `
import { dag } from '@dagbook/sdk';
const d = dag('pipeline', { schedule: null, doc: 'Of the tests' });
const first = d.task('first', async (_, { log }) => { log.info('\\u001b[32mgreen\\u001b[0m line'); return 1; })();
const slow = d.task('slow', async (_, { log, signal }) => {
  for (let n = 1; n <= 200 && !signal.aborted; n++) { log.info('tick ' + n); await new Promise((resolve) => setTimeout(resolve, 25)); }
}, {})();
slow.after(first);
export default d;
`;

const ASKING = `
import { approval, dag, form } from '@dagbook/sdk';
const WAY = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }), jsonSchema: { input: () => ({
  type: 'object', properties: { region: { type: 'string', enum: ['kr', 'us'], default: 'kr' }, rows: { type: 'number', default: 5 }, force: { type: 'boolean', default: false } },
}) } } };
const d = dag('asking', { schedule: null });
const ok = d.task('ok', approval({ subject: 'Ship {{ run_id }}?' }))();
const where = d.task('where', form({ subject: 'Where to?', params: WAY }))().after(ok);
d.task('tell', async ({ answer }) => answer)({ answer: where.get('params_input') });
export default d;
`;

/** The page as it ships, over the real product, in a real browser. */
describe('the page', () => {
  let product: Product;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    product = await startProduct({ shape: 'standalone' });
    await product.writeDag('pipeline', DAG);
    await product.writeDag('asking', ASKING);
    browser = await chromium.launch({
      executablePath: process.env['DAGBOOK_CHROMIUM'] ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-quic', '--disable-background-networking', '--no-first-run', '--disable-sync'],
    });
    page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (fault) => complaints.push(fault.message));
    await page.goto(/http:\S+code=\S+/.exec(product.output())?.[0] ?? '');
  });

  afterAll(async () => {
    await browser?.close();
    await product?.stop();
  });

  const trigger = (run: string) => product.api('POST', '/api/v2/dags/pipeline/dagRuns', { dag_run_id: run, logical_date: null });

  it('is signed in by the link, and lists the DAGs', async () => {
    await page.goto(`${product.url}/dags`);
    await page.locator('[data-testid="dag-row"][data-dag="pipeline"]').waitFor();
  });

  it('shows a run that was triggered elsewhere, and its end, without a reload', async () => {
    await page.goto(`${product.url}/dags/pipeline`);
    await page.getByTestId('grid').waitFor();
    await page.evaluate(() => void Object.assign(globalThis, { neverReloaded: true }));
    await trigger('seen');
    await page.locator('[data-testid="run-bar"][data-run="seen"]').waitFor();
    await page.locator('[data-testid="run-bar"][data-run="seen"][data-state="success"]').waitFor({ timeout: 30_000 });
    expect(await page.evaluate(() => (globalThis as { neverReloaded?: boolean }).neverReloaded)).toBe(true);
  });

  it('follows a log while the task writes it', async () => {
    await trigger('watched');
    await page.goto(`${product.url}/dags/pipeline?run=watched&task=slow`);
    await page.getByText('tick 3', { exact: false }).first().waitFor({ timeout: 20_000 });
    await product.runsEnded('pipeline', 2);
    await page.getByText('tick 200', { exact: false }).first().waitFor({ timeout: 20_000 });
  });

  it('shows the raw events of a run', async () => {
    await page.goto(`${product.url}/dags/pipeline/runs/seen?tab=events`);
    for (const type of ['RunCreated', 'TaskScheduled', 'AttemptGranted', 'TaskSucceeded']) await page.locator(`[data-testid="event"][data-type="${type}"]`).first().waitFor();
  });

  it('says which file is broken, where and why, and that it is mended', async () => {
    await page.goto(`${product.url}/import-errors`);
    const file = join(product.dags, 'broken.ts');
    writeFileSync(file, `import { dag } from '@dagbook/sdk';\nconst d = dag('broken', {});\nd.task('a', async () => {;\n`);
    await page.locator('[data-testid="import-error"]').filter({ hasText: 'broken.ts' }).waitFor();
    unlinkSync(file);
    await page.locator('[data-testid="import-error"]').filter({ hasText: 'broken.ts' }).waitFor({ state: 'detached' });
  });

  it('lets a person answer what a run waits for, and the run go on', async () => {
    await product.api('POST', '/api/v2/dags/asking/dagRuns', { dag_run_id: 'today', logical_date: null });
    await page.goto(`${product.url}/required-actions`);
    await page.getByTestId('required-action').getByText('Ship today?').click();
    const answer = page.getByTestId('answer');
    await answer.getByRole('button', { name: 'Approve' }).click();
    await page.locator('[data-testid="task-state"][data-state="success"]').waitFor({ timeout: 30_000 });
    await answer.getByTestId('answer-given').getByText('admin answered: Approve').waitFor();
    await page.getByRole('link', { name: 'Required actions' }).click();
    await page.getByTestId('required-action').getByText('Where to?').click();
    await answer.getByLabel('region').selectOption({ label: 'us' });
    await answer.getByLabel('rows').fill('12');
    await answer.getByLabel('force').setChecked(true, { force: true });
    await answer.getByRole('button', { name: 'OK' }).click();
    await answer.getByTestId('answer-given').waitFor({ timeout: 30_000 });
    await page.goto(`${product.url}/dags/asking/runs/today/tasks/tell?tab=result`);
    await page.getByTestId('result').getByText('"region": "us"').waitFor({ timeout: 30_000 });
    expect(JSON.parse(await page.getByTestId('result').innerText())).toEqual({ region: 'us', rows: 12, force: true });
    await page.getByRole('link', { name: 'Required actions' }).click();
    await page.getByText('Nothing waits for a person.').waitFor();
  });

  it('keeps a connection, and never shows its password', async () => {
    await page.goto(`${product.url}/connections`);
    await page.getByRole('button', { name: 'Add a connection' }).click();
    await page.getByLabel('Connection id').fill('warehouse');
    await page.getByLabel('Type').fill('postgres');
    await page.getByLabel('Password', { exact: true }).fill('p%40ss@word/1');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('[data-connection="warehouse"]').waitFor();
    await page.getByRole('button', { name: 'Edit warehouse' }).click();
    await page.getByLabel('Host').fill('db.lan');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('[data-connection="warehouse"]').getByText('db.lan').waitFor();
    expect(await product.api('GET', '/api/v2/connections/warehouse')).toMatchObject({ host: 'db.lan', password: '***' });
    expect(await page.content()).not.toContain('p%40ss');
  });

  it('pauses a DAG', async () => {
    await page.goto(`${product.url}/dags`);
    await page.locator('[data-testid="dag-row"][data-dag="pipeline"]').getByTestId('pause-switch').click({ force: true });
    await expect.poll(async () => (await product.api<{ is_paused: boolean }>('GET', '/api/v2/dags/pipeline')).is_paused, { timeout: 60_000, interval: 20 }).toBe(true);
  });

  it.each(['/dags', '/dags/pipeline', '/dags/pipeline/runs/seen', '/required-actions', '/connections', '/dags/asking/runs/today/tasks/where'])('is accessible at %s', async (path) => {
    await page.goto(`${product.url}${path}`);
    await page.waitForLoadState('load');
    await page.locator('main').first().waitFor();
    const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa']).analyze();
    expect(violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.target.join(' ')).join(', ')}`)).toEqual([]);
  });

  it('complains of nothing', () => {
    expect(complaints).toEqual([]);
  });
});
