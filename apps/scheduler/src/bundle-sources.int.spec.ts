import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSdk } from '@dagbook/bundles';
import { createMemoryStores } from '@dagbook/event-store';
import { createLog, systemClock } from '@dagbook/platform';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { BundleChange, DagBundleSource } from './bundle-intake.ts';
import { bundleSources } from './bundle-sources.ts';

let sdkFolder: string;
let root: string;
let source: DagBundleSource | undefined;
beforeAll(async () => {
  sdkFolder = mkdtempSync(join(tmpdir(), 'dagbook-sdk-'));
  await buildSdk(join(sdkFolder, 'sdk.js'));
});
afterAll(() => rmSync(sdkFolder, { recursive: true, force: true }));
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dagbook-sources-'));
  execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', join(root, 'etl.git')]);
  execFileSync('git', ['clone', '--quiet', join(root, 'etl.git'), join(root, 'author')], { stdio: 'ignore' });
  mkdirSync(join(root, 'local'));
});
afterEach(async () => {
  await source?.stop();
  rmSync(root, { recursive: true, force: true });
});

const dagFile = (dagId: string): string => `import { bash, dag } from '@dagbook/sdk';\nconst d = dag('${dagId}');\nd.task('t', bash({ command: 'true' }))();\nexport default d;\n`;

function push(files: { readonly [path: string]: string }): string {
  for (const [path, text] of Object.entries(files)) writeFileSync(join(root, 'author', path), text);
  const git = (...args: string[]): string => execFileSync('git', ['-C', join(root, 'author'), '-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  git('add', '--all');
  git('commit', '--quiet', '--message=next');
  git('push', '--quiet', 'origin', 'HEAD:main');
  return git('rev-parse', 'HEAD');
}

/** In a file of the repository: no registry is needed. */
function packPackage(): void {
  const source = join(root, 'source', 'package');
  mkdirSync(source, { recursive: true });
  writeFileSync(join(source, 'package.json'), JSON.stringify({ name: 'greeting', version: '1.0.0', main: 'index.js' }));
  writeFileSync(join(source, 'index.js'), `module.exports = 'greeting';`);
  execFileSync('tar', ['-czf', join(root, 'author', 'greeting.tgz'), '-C', join(root, 'source'), 'package']);
}

const PROMPTLY = { timeout: 30_000, interval: 10 };

test('a folder and a repository are one source; a commit is a version; a repository that is away keeps its last', async () => {
  const first = push({ 'etl.ts': dagFile('etl'), 'same.ts': dagFile('same'), 'query.sql': 'SELECT 1' });
  writeFileSync(join(root, 'local', 'same.ts'), dagFile('same'));
  const { bundles: states } = createMemoryStores();
  const changes: BundleChange[] = [];
  const parsed = () => changes.flatMap((change) => change.parsed.filter(({ definitions }) => definitions.length > 0));
  source = bundleSources({
    bundles: [{ name: 'dags-folder', kind: 'folder', path: join(root, 'local') }, { name: 'etl', kind: 'git', url: join(root, 'etl.git'), ref: 'main', pollMs: 3_600_000 }],
    stateDir: join(root, 'state'), scanning: { timezone: 'UTC', sdkPath: join(sdkFolder, 'sdk.js') }, states, clock: systemClock, log: createLog({ level: 'silent' }),
  });
  await source.start(async (change) => void changes.push(change));
  const stateOf = async (name: string) => (await states.list()).find((state) => state.name === name);
  await vi.waitFor(async () => expect([changes.at(-1)?.complete, (await stateOf('etl'))?.version]).toEqual([true, first]), PROMPTLY);

  // Whichever bundle was first has the DAG that both define; the other says so.
  const owner = parsed().find(({ definitions }) => definitions[0]?.definition.dagId === 'same')?.file;
  const loser = owner === 'same.ts' ? 'etl/same.ts' : 'same.ts';
  expect(changes.flatMap(({ failed }) => failed.map(({ file, error }) => [file, error.code]))).toEqual([[loser, 'duplicate_dag']]);
  expect(parsed().map(({ file, bundle, origin, files }) => [file, bundle.file, origin, files?.files.map(({ path }) => path)]).find(([file]) => file === 'etl/etl.ts'))
    .toEqual(['etl/etl.ts', 'etl.ts', { name: 'etl', version: first }, ['query.sql']]);

  const second = push({ 'query.sql': 'SELECT 2' });
  expect(await states.askSync('etl')).toBe(true);
  await vi.waitFor(async () => expect((await stateOf('etl'))?.version).toBe(second), PROMPTLY);
  expect(parsed().filter(({ file }) => file === 'etl/etl.ts').map(({ origin }) => origin?.version)).toEqual([first, second]);

  renameSync(join(root, 'etl.git'), join(root, 'away.git'));
  const told = changes.length;
  await states.askSync('etl');
  await vi.waitFor(async () => expect((await stateOf('etl'))?.problem).toBe(
    `The git repository ${join(root, 'etl.git')} of the bundle "etl" cannot be read: '${join(root, 'etl.git')}' does not appear to be a git repository. The last good version, ${second.slice(0, 12)}, stays in use.`,
  ), PROMPTLY);
  expect([changes.length, (await stateOf('etl'))?.version]).toEqual([told, second]);
  await source.stop();

  // The next process of this host begins with what was fetched last, though the repository is still away.
  changes.length = 0;
  source = bundleSources({
    bundles: [{ name: 'etl', kind: 'git', url: join(root, 'etl.git'), ref: 'main', pollMs: 3_600_000 }],
    stateDir: join(root, 'state'), scanning: { timezone: 'UTC', sdkPath: join(sdkFolder, 'sdk.js') }, states, clock: systemClock, log: createLog({ level: 'silent' }),
  });
  await source.start(async (change) => void changes.push(change));
  await vi.waitFor(() => expect(parsed().map(({ file, origin }) => [file, origin?.version]).sort()).toEqual([['etl/etl.ts', second], ['etl/same.ts', second]]), PROMPTLY);
});

test('a DAG of a repository imports what the package.json beside it names', async () => {
  packPackage();
  const commit = push({ 'package.json': JSON.stringify({ dependencies: { greeting: 'file:greeting.tgz' } }), 'etl.ts': `import { dag } from '@dagbook/sdk';\nimport name from 'greeting';\nconst d = dag(name);\nd.empty('x');\nexport default d;\n` });
  const { bundles: states } = createMemoryStores();
  const changes: BundleChange[] = [];
  source = bundleSources({
    bundles: [{ name: 'etl', kind: 'git', url: join(root, 'etl.git'), ref: 'main', pollMs: 3_600_000 }],
    stateDir: join(root, 'state'), scanning: { timezone: 'UTC', sdkPath: join(sdkFolder, 'sdk.js') }, states, clock: systemClock, log: createLog({ level: 'silent' }),
  });
  await source.start(async (change) => void changes.push(change));
  await vi.waitFor(() => expect(changes.flatMap(({ parsed }) => parsed.map(({ definitions, origin }) => [definitions[0]?.definition.dagId, origin?.version]))).toEqual([['greeting', commit]]), PROMPTLY);
  // It lies below the state folder, and not in the checkout, which is a commit and nothing else.
  expect(readdirSync(join(root, 'state', 'packages')).length).toBe(1);
});
