import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

/** The built page in a real browser, under the real content policy, over the gateway of pretence of `dev/`. */
const room = fileURLToPath(new URL('..', import.meta.url));
const site = mkdtempSync(join(tmpdir(), 'dagbook-web-'));
let gateway: ChildProcess;
let browser: Browser;
let origin = '';

beforeAll(async () => {
  // In a process of its own: a test's NODE_ENV would build React for development.
  const vite = join(dirname(createRequire(import.meta.url).resolve('vite/package.json')), 'bin/vite.js');
  execFileSync(process.execPath, [vite, 'build', room, '--outDir', site, '--emptyOutDir', '--logLevel', 'error'], { env: { ...process.env, NODE_ENV: 'production' }, stdio: 'inherit' });
  gateway = spawn(process.execPath, [join(room, 'dev/mock-server.mjs'), '0', site], { env: { ...process.env, MOCK_PACE_MS: '150' }, stdio: ['ignore', 'pipe', 'inherit'] });
  if (gateway.stdout === null) throw new Error('the gateway of pretence has no output');
  const [line] = await once(createInterface({ input: gateway.stdout }), 'line') as [string];
  origin = /http:\/\/[\d.:]+/.exec(line)?.[0] ?? '';
  browser = await chromium.launch({
    executablePath: process.env['DAGBOOK_CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-quic', '--disable-background-networking', '--no-first-run', '--disable-sync'],
  });
});

afterAll(async () => {
  await browser?.close();
  if (gateway?.exitCode === null) {
    gateway.kill();
    await once(gateway, 'exit');
  }
  rmSync(site, { recursive: true, force: true });
});

let context: BrowserContext;
let page: Page;
/** What a console or a policy complained of; a refused sign-in is told by the browser and is no fault. */
let complaints: string[];
let foreign: string[];

async function open(options: { readonly dark?: boolean; readonly signedOut?: boolean; readonly language?: 'en' | 'ko' } = {}): Promise<void> {
  context = await browser.newContext({ viewport: { width: 1440, height: 900 }, timezoneId: 'Europe/Berlin', locale: 'en-US', colorScheme: options.dark === true ? 'dark' : 'light', reducedMotion: 'reduce' });
  if (options.signedOut !== true) await context.addCookies([{ name: '_token', value: 'mock', url: origin }]);
  if (options.language === 'ko') await context.addInitScript(() => localStorage.setItem('dagbook.preference', '{"language":"ko"}'));
  page = await context.newPage();
  complaints = [];
  foreign = [];
  page.on('console', (message) => { if (message.type() === 'error' && !message.text().includes('401')) complaints.push(message.text()); });
  page.on('pageerror', (fault) => complaints.push(fault.message));
  page.on('request', (request) => { if (!request.url().startsWith(origin) && !request.url().startsWith('blob:')) foreign.push(request.url()); });
}

const cell = (task: string, column: number) => page.getByTestId('grid-row').and(page.locator(`[data-row="${task}"]`)).click({ position: { x: 220 + column * 20 + 10, y: 10 } });
const search = (): URLSearchParams => new URL(page.url()).searchParams;

beforeEach(() => open());
afterEach(async () => {
  await context.close();
  expect({ complaints, foreign }).toEqual({ complaints: [], foreign: [] });
});

describe('signing in', () => {
  it('says that a password is wrong, then leads to the address that was asked for', async () => {
    await context.close();
    await open({ signedOut: true });
    await page.goto(`${origin}/dags?q=weather`);
    await page.getByRole('textbox', { name: 'Password' }).fill('guess');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('User name or password is wrong.').waitFor();
    await page.getByRole('textbox', { name: 'Password' }).fill('admin');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByTestId('dag-row').waitFor();
    expect(page.url()).toBe(`${origin}/dags?q=weather`);
  });
});

describe('the DAG list', () => {
  it('keeps its filter in the address', async () => {
    await page.goto(`${origin}/dags`);
    await page.getByLabel('Filter by name').fill('orders');
    await page.waitForURL(`${origin}/dags?q=orders`);
    await page.reload();
    await page.getByTestId('dag-row').waitFor();
    expect(await page.getByTestId('dag-row').evaluateAll((rows) => rows.map((row) => row.getAttribute('data-dag')))).toEqual(['ingest_orders']);
    expect(await page.getByLabel('Filter by name').inputValue()).toBe('orders');
  });

  it('pauses a DAG without leaving', async () => {
    await page.goto(`${origin}/dags?q=simplest`);
    await page.getByTestId('dag-row').and(page.locator('[data-paused="false"]')).waitFor();
    await page.getByRole('switch').setChecked(false, { force: true });
    await page.getByTestId('dag-row').and(page.locator('[data-paused="true"]')).waitFor();
    expect(page.url()).toBe(`${origin}/dags?q=simplest`);
  });
});

describe('the grid', () => {
  it('moves by arrow keys, opens by Enter and closes by Escape', async () => {
    await page.goto(`${origin}/dags/seattle_weather`);
    await page.getByTestId('grid-row').first().waitFor();
    await page.getByTestId('grid').focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowLeft']) await page.keyboard.press(key);
    expect(await page.getByTestId('grid-cursor').getAttribute('aria-label')).toMatch(/^validate, \d\d-\d\d \d\d:\d\d, (success|failed|upstream failed)$/);
    expect(await page.getByTestId('grid').getAttribute('aria-activedescendant')).toBe(await page.getByTestId('grid-cursor').getAttribute('id'));
    await page.keyboard.press('Enter');
    await page.getByTestId('task-instance-view').waitFor();
    expect(search().get('task')).toBe('validate');
    await page.keyboard.press('Escape');
    await page.getByTestId('task-instance-view').waitFor({ state: 'detached' });
    expect([...search().keys()]).toEqual([]);
  });

  it('shows a task instance beside itself without reloading', async () => {
    await page.goto(`${origin}/dags/seattle_weather`);
    await page.getByTestId('grid-row').first().waitFor();
    await page.evaluate(() => { document.body.dataset['same'] = 'page'; });
    await cell('choose_report', 3);
    await page.getByTestId('log-view').getByText('Attempt 1 granted').or(page.getByTestId('log-view').getByText('read chunk')).first().waitFor();
    expect(await page.evaluate(() => document.body.dataset['same'])).toBe('page');
  });

  it('folds a group to its worst state', async () => {
    await page.goto(`${origin}/dags/seattle_weather`);
    await page.getByRole('button', { name: 'Fold publish' }).click();
    const ids = await page.getByTestId('grid-row').evaluateAll((rows) => rows.map((row) => row.getAttribute('data-row')));
    expect(ids).toEqual(['extract', 'validate', 'by_group', 'by_group.summarise', 'by_group.check', 'choose_report', 'storm_report', 'calm_report', 'publish', 'notify']);
  });

  it('changes as the run goes on, by itself', async () => {
    await page.goto(`${origin}/dags/example_simplest_dag`);
    await page.getByTestId('grid-row').waitFor();
    const before = (await page.getByTestId('grid-row').getAttribute('data-states'))?.length ?? 0;
    await page.request.post(`${origin}/api/v2/dags/example_simplest_dag/dagRuns`, { data: { dag_run_id: 'from-outside' } });
    await page.waitForFunction((runs) => document.querySelector('[data-row="my_task"]')?.getAttribute('data-states')?.slice(runs).endsWith('S') === true, before);
    expect(await page.getByTestId('live-dot').getAttribute('data-state')).toBe('streaming');
  });
});

describe('the live dot', () => {
  it('says offline while the stream is down, keeps what was read, and streams again by itself', async () => {
    await page.route('**/api/v2/stream**', (route) => route.abort());
    await page.goto(`${origin}/dags`);
    await page.getByTestId('live-dot').and(page.locator('[data-state="offline"]')).waitFor();
    await page.getByTestId('dag-row').first().waitFor();
    await page.unroute('**/api/v2/stream**');
    await page.getByTestId('live-dot').and(page.locator('[data-state="streaming"]')).waitFor();
    complaints = complaints.filter((text) => !text.includes('net::ERR_FAILED'));
  });
});

describe('a log', () => {
  it('follows to its end, is searched in place and keeps its rows even', async () => {
    await page.goto(`${origin}/dags/ingest_orders`);
    await page.getByTestId('grid-row').first().waitFor();
    await cell('pull', 2);
    const log = page.getByTestId('log-view');
    await log.and(page.locator('[data-log-state="ended"]')).waitFor();
    expect(await page.getByTestId('log-count').textContent()).toBe('906 lines');
    await page.getByLabel('Search the log').fill('rain gauge');
    await expect.poll(() => page.getByTestId('log-count').textContent()).toBe('3 of 906 lines');
    const heights = await log.locator('[data-level="error"]').evaluateAll((rows) => rows.map((row) => row.getBoundingClientRect().height));
    expect(heights).toEqual([20, 20, 20]);
  });
});

describe('a task instance that has not run', () => {
  it('tells why, where its log would be', async () => {
    await page.request.post(`${origin}/api/v2/dags/wide_load/dagRuns`, { data: { dag_run_id: 'waiting' } });
    await page.goto(`${origin}/dags/wide_load/runs/waiting/tasks/load_23.table_9`);
    await page.getByTestId('why').and(page.locator('[data-code="upstream_unfinished"]')).waitFor();
    expect(await page.getByTestId('why').getByRole('link').getAttribute('href')).toBe('/dags/wide_load/runs/waiting/tasks/load_23.table_8');
  });
});

describe('changing things', () => {
  it('refuses a conf that is no JSON object, and triggers one that is', async () => {
    await page.goto(`${origin}/dags/example_simplest_dag`);
    await page.getByRole('button', { name: 'Trigger', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Configuration (JSON)').fill('[1]');
    await dialog.getByText('This is not a JSON object: array').waitFor();
    expect(await dialog.getByRole('button', { name: 'Trigger' }).isDisabled()).toBe(true);
    await dialog.getByLabel('Configuration (JSON)').fill('{"day": 1}');
    await dialog.getByLabel('Run id').fill('by-hand');
    await dialog.getByRole('button', { name: 'Trigger' }).click();
    await page.locator('[data-testid="run-bar"][data-run="by-hand"]').waitFor();
  });

  it('lists what a clear would run again before it does', async () => {
    await page.goto(`${origin}/dags/ingest_orders`);
    await page.getByTestId('grid-row').first().waitFor();
    await cell('stage', 4);
    await page.getByTestId('grid-pane').getByRole('button', { name: 'Clear' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('3 task instances run again').waitFor();
    await dialog.getByLabel('Downstream').uncheck();
    await dialog.getByText('1 task instance runs again').waitFor();
    expect(await dialog.getByTestId('affected').count()).toBe(1);
  });
});

describe('a result', () => {
  it('is a tab of its task instance', async () => {
    await page.goto(`${origin}/dags/seattle_weather`);
    await cell('extract', 3);
    await page.getByTestId('tab-result').click();
    await page.getByTestId('result').getByText('SEA-01').waitFor();
    expect(search().get('tab')).toBe('result');
  });
});

describe('what a task keeps for its next try', () => {
  it('stands below its details', async () => {
    await page.goto(`${origin}/dags/seattle_weather`);
    await cell('extract', 3);
    await page.getByTestId('tab-details').click();
    await page.getByTestId('kept-state').getByText('{"done":3,"of":12}').waitFor();
  });
});

describe('connections and variables', () => {
  it('a connection is added, changed without its password, and deleted', async () => {
    await page.goto(`${origin}/connections`);
    await page.getByRole('button', { name: 'Add a connection' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Connection id').fill('lake');
    await dialog.getByLabel('Type').fill('aws');
    await dialog.getByLabel('Password', { exact: true }).fill('hunter2hunter2');
    await dialog.getByLabel('Port').fill('x');
    expect(await dialog.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true);
    await dialog.getByLabel('Port').fill('443');
    await dialog.getByRole('button', { name: 'Save' }).click();
    const row = page.locator('[data-testid="connection-row"][data-connection="lake"]');
    await row.waitFor();
    await row.getByRole('button', { name: 'Edit lake' }).click();
    expect([await dialog.getByLabel('Password', { exact: true }).inputValue(), await dialog.getByLabel('Password', { exact: true }).getAttribute('placeholder')]).toEqual(['', 'unchanged']);
    await dialog.getByLabel('Host').fill('s3.lan');
    const sent = page.waitForRequest((request) => request.method() === 'PATCH');
    await dialog.getByRole('button', { name: 'Save' }).click();
    expect(new URL((await sent).url()).searchParams.getAll('update_mask')).toEqual(['host']);
    await row.getByText('s3.lan:443').waitFor();
    await row.getByRole('button', { name: 'Edit lake' }).click();
    let changes = 0;
    page.on('request', (request) => { if (request.method() === 'PATCH') changes += 1; });
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    expect(changes).toBe(0);
    await row.getByRole('button', { name: 'Delete lake' }).click();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await row.waitFor({ state: 'detached' });
    expect(await page.content()).not.toContain('hunter2');
  });

  it('a variable is changed by what was typed only', async () => {
    await page.goto(`${origin}/variables`);
    await page.getByRole('button', { name: 'Edit region' }).click();
    await page.getByRole('dialog').getByLabel('Description').fill('where we are');
    const sent = page.waitForRequest((request) => request.method() === 'PATCH');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    expect(new URL((await sent).url()).searchParams.getAll('update_mask')).toEqual(['description']);
    await page.locator('[data-testid="variable-row"]').getByText('where we are').waitFor();
  });
});

const VIEWS = ['/', '/dags', '/runs', '/import-errors', '/required-actions', '/connections', '/variables', '/dags/seattle_weather', '/dags/seattle_weather/runs', '/dags/seattle_weather/code', '/dags/seattle_weather/details', '/dags/none', '/nowhere'];

describe.each([['light', 'en'], ['dark', 'ko']] as const)('every view, %s, in %s', (scheme, language) => {
  it('is accessible (axe, AA)', { timeout: 180_000 }, async () => {
    await context.close();
    await open({ dark: scheme === 'dark', language });
    page.on('response', (response) => { if (response.status() === 404) complaints = complaints.filter((text) => !text.includes('404')); });
    const found: string[] = [];
    for (const view of VIEWS) {
      await page.goto(`${origin}${view}`);
      await page.waitForFunction(() => document.querySelector('main, [role="alert"]') !== null && document.querySelector('[data-testid="skeleton"]') === null);
      const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']).analyze();
      found.push(...violations.map((violation) => `${view}: ${violation.id} at ${violation.nodes.map((node) => node.target.join(' ')).join(', ')}`));
    }
    expect(found).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.lang)).toBe(language);
    complaints = complaints.filter((text) => !text.includes('404'));
  });
});

describe('the first load', () => {
  it('stays within 260 KB of compressed script', async () => {
    const scripts: Promise<Buffer>[] = [];
    page.on('response', (response) => { if (response.url().endsWith('.js')) scripts.push(response.body()); });
    await page.goto(`${origin}/dags/seattle_weather`);
    await page.getByTestId('grid-row').first().waitFor();
    const bytes = (await Promise.all(scripts)).reduce((sum, body) => sum + gzipSync(body).byteLength, 0);
    expect(scripts.length).toBeGreaterThan(2);
    expect(bytes).toBeLessThan(260_000);
  });
});
