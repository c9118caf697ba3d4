import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { buildSdk, BundleScanner, type ScanDiff } from './index.ts';

let sdkFolder: string;
let root: string;
let dags: string;
let scanner: BundleScanner;
const said: string[] = [];
beforeAll(async () => {
  sdkFolder = mkdtempSync(join(tmpdir(), 'dagbook-sdk-'));
  await buildSdk(join(sdkFolder, 'sdk.js'));
});
afterAll(() => rmSync(sdkFolder, { recursive: true }));
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dagbook-packages-'));
  dags = join(root, 'dags');
  mkdirSync(join(dags, 'vendor'), { recursive: true });
  said.length = 0;
  scanner = new BundleScanner({ folder: dags, sdkPath: join(sdkFolder, 'sdk.js'), packages: { folder: join(root, 'packages'), say: (line) => said.push(line) } });
});
afterEach(async () => {
  await scanner.stop();
  rmSync(root, { recursive: true });
});

/** A package in a file beside the DAGs, so that no registry is needed; its install script leaves a trace if it runs. */
function pack(version: string): void {
  const source = mkdtempSync(join(root, 'source-'));
  mkdirSync(join(source, 'package'));
  writeFileSync(join(source, 'package', 'package.json'), JSON.stringify({ name: 'greeting', version, main: 'index.js', scripts: { postinstall: `touch ${join(root, 'a-script-ran')}` } }));
  writeFileSync(join(source, 'package', 'index.js'), `module.exports = 'greeting_${version.replaceAll('.', '_')}';`);
  execFileSync('tar', ['-czf', join(dags, 'vendor', `greeting-${version}.tgz`), '-C', source, 'package']);
}

const want = (version: string): void => writeFileSync(join(dags, 'package.json'), JSON.stringify({ dependencies: { greeting: `file:./vendor/greeting-${version}.tgz` } }));
const dagIdsIn = ({ changed }: ScanDiff): string[] => changed.flatMap(({ definitions }) => definitions.map(({ definition }) => definition.dagId));

test('TypeScript imports what the package.json beside it names; another list makes another version; no script runs', async () => {
  writeFileSync(join(dags, 'a.ts'), `import { dag } from '@dagbook/sdk';\nimport name from 'greeting';\nconst d = dag(name);\nd.empty('x');\nexport default d;\n`);
  pack('1.0.0');
  want('1.0.0');
  expect(dagIdsIn(await scanner.scan())).toEqual(['greeting_1_0_0']);
  expect(await scanner.scan()).toEqual({ changed: [], failed: [], removed: [] });
  expect(said).toEqual(['installing greeting of the package.json beside the DAGs']);
  pack('2.0.0');
  want('2.0.0');
  expect(dagIdsIn(await scanner.scan())).toEqual(['greeting_2_0_0']);
  // What was there before is there still: nothing is installed for it again.
  want('1.0.0');
  expect([dagIdsIn(await scanner.scan()), said.length, readdirSync(join(root, 'packages')).length]).toEqual([['greeting_1_0_0'], 2, 2]);
  expect(existsSync(join(root, 'a-script-ran'))).toBe(false);
});

test('a list that does not resolve is the import error, with npm’s reason, and a right one mends it; other files are read all the same', async () => {
  writeFileSync(join(dags, 'a.ts'), `import { dag } from '@dagbook/sdk';\nimport name from 'greeting';\nconst d = dag(name);\nd.empty('x');\nexport default d;\n`);
  writeFileSync(join(dags, 'plain.ts'), `import { dag } from '@dagbook/sdk';\nconst d = dag('plain');\nd.empty('x');\nexport default d;\n`);
  want('1.0.0');
  const first = await scanner.scan();
  expect(dagIdsIn(first)).toEqual(['plain']);
  expect(first.failed.map(({ file, error }) => [file, error.code, error.message])).toEqual([
    ['a.ts', 'syntax', expect.stringMatching(/^Could not resolve "greeting"\. npm could not install the package\.json beside the DAGs: .*greeting-1\.0\.0\.tgz.*\.$/)],
  ]);
  // Not tried again at once.
  expect([(await scanner.scan()).failed, said.filter((line) => line.startsWith('installing')).length, scanner.isDue]).toEqual([[], 1, false]);
  pack('1.0.0');
  want('1.0.0');
  expect(dagIdsIn(await scanner.scan())).toEqual(['greeting_1_0_0']);
});

test('a node_modules beside the DAGs is its author’s', async () => {
  mkdirSync(join(dags, 'node_modules', 'greeting'), { recursive: true });
  writeFileSync(join(dags, 'node_modules', 'greeting', 'index.js'), `module.exports = 'own';`);
  writeFileSync(join(dags, 'a.ts'), `import { dag } from '@dagbook/sdk';\nimport name from 'greeting';\nconst d = dag(name);\nd.empty('x');\nexport default d;\n`);
  want('9.9.9');
  expect([dagIdsIn(await scanner.scan()), said]).toEqual([['own'], []]);
  expect(readFileSync(join(dags, 'package.json'), 'utf8')).toContain('9.9.9');
});
