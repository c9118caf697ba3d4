import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BundleScannerOptions, ScanDiff } from './index.ts';
import { buildSdk, BundleScanner } from './index.ts';

let sdkFolder: string;
let sdkPath: string;
let folder: string;
const scanners: BundleScanner[] = [];

beforeAll(async () => {
  sdkFolder = mkdtempSync(join(tmpdir(), 'dagbook-sdk-'));
  sdkPath = join(sdkFolder, 'sdk.js');
  await buildSdk(sdkPath);
});
afterAll(() => rmSync(sdkFolder, { recursive: true }));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dagbook-dags-'));
});
afterEach(async () => {
  await Promise.all(scanners.splice(0).map((scanner) => scanner.stop()));
  expect(childrenOf(process.pid).filter((command) => command.includes('parse-child'))).toEqual([]);
  rmSync(folder, { recursive: true });
});

function scannerOf(options: Partial<BundleScannerOptions> = {}): BundleScanner {
  const scanner = new BundleScanner({ folder, sdkPath, ...options });
  scanners.push(scanner);
  return scanner;
}

function write(file: string, text: string | Buffer): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}

const dagFile = (dagId: string, body = '', imports = ''): string =>
  `import { dag } from '@dagbook/sdk';\n${imports}\nconst d = dag('${dagId}');\nd.task('only', async () => 1)();\n${body}\nexport default d;\n`;

function proc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

const pidsOf = (pid: number): number[] => proc(pid, `task/${pid}/children`).trim().split(' ').filter(Boolean).map(Number);
const commandOf = (pid: number): string => proc(pid, 'cmdline');
const cpuTicks = (pid: number): number => Number(proc(pid, 'stat').split(') ')[1]?.split(' ')[11] ?? 0);

/** Commands of the processes below one, this one left out. */
const childrenOf = (pid: number): string[] => pidsOf(pid).flatMap((child) => [commandOf(child), ...childrenOf(child)]);

const PROMPTLY = { timeout: 30_000, interval: 5 };

const dagIds = (diff: ScanDiff) => diff.changed.map(({ file, definitions }) => [file, definitions.map(({ definition }) => definition.dagId)]);
const failures = (diff: ScanDiff) => diff.failed.map(({ file, error }) => [file, error.code, error.line]);
const NOTHING = { changed: [], failed: [], removed: [] };

describe('a timetable of a DAG', () => {
  const file = (next: string): string => `import { dag, timetable } from '@dagbook/sdk';\nconst d = dag('own', { schedule: timetable({ name: 'mine', next: ${next} }) });\nd.empty('x');\nexport default d;\n`;
  const QUESTION = { kind: 'next', question: { lastInterval: null, startMs: null, endMs: null, catchup: true, nowMs: 7 } } as const;
  const asked = async (next: string, dagId = 'own') => {
    write('own.ts', file(next));
    const scanner = scannerOf({ timeLimitMs: 1_000 });
    const [parsed] = (await scanner.scan()).changed;
    // What counts is the code that was registered, not the file as it lies there now.
    write('own.ts', file('() => null'));
    return scanner.askTimetable(parsed?.bundle ?? { hash: '', file: '', code: '' }, dagId, QUESTION);
  };

  it('answers from a child, by the code that it is given', async () => {
    expect(await asked('({ last, now }) => (last === null ? { runAfter: now, interval: { start: now, end: now } } : null)')).toEqual({ kind: 'next', runs: [{ runAfterMs: 7, interval: { startMs: 7, endMs: 7 } }] });
  });

  it('asks mappers of partitions the same way', async () => {
    write('mapped.ts', `import { asset, dag, partitions } from '@dagbook/sdk';
      export const d = dag('mapped', { schedule: partitions.of(asset('a'), { mapper: partitions.mapper({ name: 'loud', toDownstream: (key) => key.toUpperCase() }) }) });
      d.empty('x');`);
    const scanner = scannerOf({ timeLimitMs: 1_000 });
    const [parsed] = (await scanner.scan()).changed;
    const bundle = parsed?.bundle ?? { hash: '', file: '', code: '' };
    const question = { kind: 'partitions', updates: [{ position: '1', key: 'k', leaves: ['asset a'] }] } as const;
    expect(await scanner.askTimetable(bundle, 'mapped', question)).toEqual({ kind: 'partitions', mapped: [{ position: '1', places: [{ leaf: 'asset a', keys: [{ key: 'K' }] }] }] });
    expect(await scanner.askTimetable(bundle, 'another', question)).toMatchObject({ kind: 'partitions', mapped: [], problem: expect.stringContaining("no DAG 'another'") as string });
  });

  it('that hangs, exits or is not there is a problem of that DAG alone', async () => {
    expect(await asked('() => { for (;;); }')).toMatchObject({ runs: [], problem: expect.stringContaining('within 1 s') });
    expect(await asked('() => process.exit(3)')).toMatchObject({ runs: [], problem: expect.stringContaining('process.exit(3)') });
    expect(await asked('() => null', 'another')).toMatchObject({ runs: [], problem: expect.stringContaining("no DAG 'another'") });
  });
});

describe('a scan', () => {
  it('answers definitions, hashes, packed code and source of each DAG file, once', async () => {
    write('one.ts', dagFile('one'));
    write('deep/two.mts', dagFile('two', "export const three = dag('three');\nthree.empty('x');"));
    write('plain.js', "import { dag } from '@dagbook/sdk';\nexport const p = dag('plain');\np.empty('x');\n");
    write('node_modules/x/index.ts', dagFile('hidden'));
    write('.trash/old.ts', dagFile('old'));
    write('examples/example.ts', dagFile('example'));
    write('types.d.ts', 'export {};');
    const scanner = scannerOf({ timezone: 'Asia/Seoul' });
    const diff = await scanner.scan();
    expect(dagIds(diff)).toEqual([['deep/two.mts', ['two', 'three']], ['one.ts', ['one']], ['plain.js', ['plain']]]);
    expect(diff.changed[1]).toEqual({
      file: 'one.ts', source: dagFile('one'),
      definitions: [{
        planHash: expect.stringMatching(/^[0-9a-f]{64}$/),
        definition: { dagId: 'one', timezone: 'Asia/Seoul', schedule: { kind: 'none' }, tasks: [{ taskId: 'only', operator: 'function', upstream: [] }] },
      }],
      bundle: { file: 'one.ts', hash: expect.stringMatching(/^[0-9a-f]{64}$/), code: expect.stringContaining("from \"@dagbook/sdk\""), sourceMap: expect.any(String) },
    });
    expect(diff.failed).toEqual([]);
    expect(await scanner.scan()).toEqual(NOTHING);
  });

  it('reads a folder of examples when it is asked to', async () => {
    write('examples/example.ts', dagFile('example'));
    expect(dagIds(await scannerOf({ ignore: [] }).scan())).toEqual([['examples/example.ts', ['example']]]);
  });

  it('gives the same hashes to the same content, in any company', async () => {
    for (const id of ['a', 'b', 'c']) write(`${id}.ts`, dagFile(id, '', "import { z } from 'zod'; export const schema = z.object({});"));
    const together = await scannerOf().scan();
    for (const id of ['a', 'b']) rmSync(join(folder, `${id}.ts`));
    const alone = await scannerOf().scan();
    expect(alone.changed[0]).toEqual(together.changed[2]);
  });

  it('tells changes and removals, and nothing when only the date of a file changes', async () => {
    write('one.ts', dagFile('one'));
    write('two.ts', dagFile('two'));
    const scanner = scannerOf();
    await scanner.scan();
    write('one.ts', dagFile('one'));
    expect(await scanner.scan()).toEqual(NOTHING);
    write('one.ts', dagFile('one', "d.empty('more');"));
    rmSync(join(folder, 'two.ts'));
    const diff = await scanner.scan();
    expect(dagIds(diff)).toEqual([['one.ts', ['one']]]);
    expect(diff.removed).toEqual(['two.ts']);
  });

  it('reads a DAG again when what it imports, or read while it was evaluated, changes', async () => {
    write('names.ts', "export const names = ['x'];");
    write('imports.ts', dagFile('imports', 'for (const name of names) d.empty(name);', "import { names } from './names.ts';"));
    write('rows.json', '["r1"]');
    write('reads.ts', dagFile('reads', "for (const name of JSON.parse(readFileSync(import.meta.dirname + '/rows.json', 'utf8'))) d.empty(name);", "import { readFileSync } from 'node:fs';"));
    write('other.ts', dagFile('other'));
    const scanner = scannerOf();
    expect(dagIds(await scanner.scan())).toEqual([['imports.ts', ['imports']], ['other.ts', ['other']], ['reads.ts', ['reads']]]);
    write('names.ts', "export const names = ['x', 'y'];");
    const afterImport = await scanner.scan();
    expect(afterImport.changed.map(({ definitions }) => definitions[0]?.definition.tasks.map(({ taskId }) => taskId))).toEqual([['only', 'x', 'y']]);
    write('rows.json', '["r1", "r2"]');
    const afterRead = await scanner.scan();
    expect(afterRead.changed.map(({ definitions }) => definitions[0]?.definition.tasks.map(({ taskId }) => taskId))).toEqual([['only', 'r1', 'r2']]);
    expect(await scanner.scan()).toEqual(NOTHING);
  });

  it('packs packages of the old kind, which call require', async () => {
    write('old.cjs', "const { basename } = require('node:path');\nmodule.exports = { name: basename('/x/old') };");
    write('modern.ts', dagFile('modern', 'd.empty(old.name);', "import old from './old.cjs';"));
    const { changed, failed } = await scannerOf().scan();
    expect([failed, changed[0]?.definitions[0]?.definition.tasks[1]?.taskId]).toEqual([[], 'old']);
  });

  it('packs data that is imported as text', async () => {
    write('rows.csv', 'a,b\n1,2\n');
    write('data.ts', dagFile('data', 'd.empty(rows.slice(0, 1));', "import rows from './rows.csv';"));
    expect((await scannerOf().scan()).changed[0]?.definitions[0]?.definition.tasks[1]?.taskId).toBe('a');
  });

  it('tells again what could not be taken', async () => {
    write('one.ts', dagFile('one'));
    write('bad.ts', 'const = 1;');
    const scanner = scannerOf({ pollMs: 10 });
    const refused: ScanDiff[] = [];
    const taken: ScanDiff[] = [];
    const errors: unknown[] = [];
    const filesIn = (diffs: readonly ScanDiff[]) => diffs.flatMap(({ changed, failed }) => [...changed, ...failed].map(({ file }) => file)).sort();
    await new Promise<void>((resolve) => {
      scanner.watch((diff) => {
        if (refused.length === 0) {
          refused.push(diff);
          throw new Error('the store is away');
        }
        taken.push(diff);
        if (filesIn(taken).length === 2) resolve();
      }, (error) => errors.push(error));
    });
    expect(errors).toEqual([new Error('the store is away')]);
    expect(filesIn(refused).length).toBeGreaterThan(0);
    expect(filesIn(taken)).toEqual(['bad.ts', 'one.ts']);
    expect(await scanner.scan()).toEqual(NOTHING);
  });

  it('refuses to take a folder that is away for one without DAGs', async () => {
    write('one.ts', dagFile('one'));
    const scanner = scannerOf();
    await scanner.scan();
    renameSync(folder, `${folder}-away`);
    await expect(scanner.scan()).rejects.toMatchObject({ code: 'ENOENT' });
    renameSync(`${folder}-away`, folder);
    expect(await scanner.scan()).toEqual(NOTHING);
  });
});

describe('bad input', () => {
  const nonsense: [string, string | Buffer, string, number | undefined, RegExp][] = [
    ['a syntax error', "import { dag } from '@dagbook/sdk';\nconst x = ;\n", 'syntax', 2, /Unexpected ";".*Correct the line/],
    ['a missing import', "import { dag } from '@dagbook/sdk';\nimport './gone.ts';\n", 'syntax', 2, /Could not resolve ".\/gone.ts".*Correct the path/],
    ['a missing package', "import 'no-such-package';\n", 'syntax', 1, /npm install no-such-package/],
    ['an error thrown', dagFile('x', "throw new TypeError('boom');"), 'threw', 5, /TypeError: boom/],
    ['a thrown text', dagFile('x', "throw 'boom';"), 'threw', undefined, /"boom"/],
    ['a rejected promise', dagFile('x', "await Promise.reject(new Error('later'));"), 'threw', 5, /later/],
    ['process.exit', dagFile('x', 'process.exit(3);'), 'exited', 5, /process\.exit\(3\).*Remove the call/],
    ['process.abort', dagFile('x', 'process.abort();'), 'exited', undefined, /SIGABRT/],
    ['a kill of itself', dagFile('x', "process.kill(process.pid, 'SIGKILL');"), 'exited', undefined, /SIGKILL/],
    ['a duplicate task id', dagFile('x', "d.task('only', async () => 2);"), 'invalid_dag', 5, /taskId in 'x' is "only"/],
    ['a bad duration', dagFile('x', "d.task('t', async () => 2, { timeout: '5 minutes' })();"), 'invalid_dag', 5, /'5 minutes'|5 minutes/],
    ['a task that is never called', dagFile('x', "d.task('t', async () => 2);"), 'invalid_dag', 5, /once it is called/],
    ['a cycle', dagFile('x', "const a = d.empty('a');\nconst b = d.empty('b').after(a);\na.after(b);"), 'invalid_dag', 5, /a → b → a|b → a → b/],
    ['an impossible cron', "import { dag } from '@dagbook/sdk';\nexport default dag('x', { schedule: '0 0 30 2 *' });", 'invalid_dag', 2, /schedule\.cron is "0 0 30 2 \*".*;/],
    ['a reference to another DAG', dagFile('x', "d.empty('a').after(dag('y').empty('b'));"), 'invalid_dag', 5, /a reference in 'x'/],
    ['a DAG that is not exported', "import { dag } from '@dagbook/sdk';\ndag('lost').empty('x');\n", 'no_dag', undefined, /'lost' and does not export it/],
    ['one id twice', dagFile('x', "export const again = dag('x');"), 'duplicate_dag', undefined, /two DAGs with the id 'x'/],
    ['a NUL byte', Buffer.from('export default 1;\0'), 'unreadable', undefined, /NUL byte at position 17/],
    ['UTF-16', Buffer.from('\uFEFFexport default 1;', 'utf16le'), 'unreadable', undefined, /UTF-16.*Save it as UTF-8/],
    ['bytes that are no text', Buffer.from([0x2f, 0x2f, 0xff, 0xfe, 0x41]), 'unreadable', undefined, /not valid UTF-8/],
    ['50 MB of text', Buffer.alloc(50 * 1024 * 1024, 'x'), 'too_large', undefined, /has 50\.0 MB; a DAG file has at most 5\.0 MB/],
  ];

  it.each(nonsense)('is told with file, line and remedy, and the files beside it are read: %s', async (_, text, code, line, message) => {
    write('bad.ts', text);
    write('good.ts', dagFile('good'));
    const scanner = scannerOf();
    const diff = await scanner.scan();
    expect(dagIds(diff)).toEqual([['good.ts', ['good']]]);
    expect(failures(diff)).toEqual([['bad.ts', code, line]]);
    expect(diff.failed[0]?.error.message).toMatch(message);
    expect(await scanner.scan()).toEqual(NOTHING);
    write('bad.ts', dagFile('mended'));
    expect(dagIds(await scanner.scan())).toEqual([['bad.ts', ['mended']]]);
  });

  it('points into the imported file that threw', async () => {
    write('lib/broken.ts', '\n\nexport const value: number = (() => { throw new Error("deep"); })();\n');
    write('top.ts', dagFile('top', 'void value;', "import { value } from './lib/broken.ts';"));
    const { failed } = await scannerOf().scan();
    expect(failed[0]?.error).toMatchObject({ code: 'threw', line: 3, message: expect.stringContaining('(in lib/broken.ts, which it imports)') });
    expect(failures(await scannerOf().scan())).toEqual([['top.ts', 'threw', 3]]);
  });

  it('a byte order mark is no error', async () => {
    write('bom.ts', `\uFEFF${dagFile('bom')}`);
    expect(dagIds(await scannerOf().scan())).toEqual([['bom.ts', ['bom']]]);
  });

  it('names that mean something to a bundler, and files that are none, are told', async () => {
    for (const name of ['a?b.ts', '*.ts', 'c#d.ts', 'new\nline.ts']) write(name, dagFile('x'));
    write('한글.ts', dagFile('korean'));
    write('with space.ts', dagFile('space', 'throw new Error("here");'));
    execFileSync('mkfifo', [join(folder, 'fifo.ts')]);
    const diff = await scannerOf().scan();
    expect(dagIds(diff)).toEqual([['한글.ts', ['korean']]]);
    expect(failures(diff)).toEqual([
      ['*.ts', 'unreadable', undefined], ['a?b.ts', 'unreadable', undefined], ['c#d.ts', 'unreadable', undefined], ['fifo.ts', 'unreadable', undefined],
      ['new\nline.ts', 'unreadable', undefined], ['with space.ts', 'threw', 5],
    ]);
  });

  it('a link that leads out of the folder is refused, one within is followed', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'dagbook-outside-'));
    writeFileSync(join(outside, 'secret.ts'), dagFile('secret'));
    symlinkSync(join(outside, 'secret.ts'), join(folder, 'link.ts'));
    symlinkSync(join(folder, 'nowhere.ts'), join(folder, 'dangling.ts'));
    const diff = await scannerOf().scan();
    rmSync(outside, { recursive: true });
    expect(failures(diff)).toEqual([['dangling.ts', 'unreadable', undefined], ['link.ts', 'unreadable', undefined]]);
    expect(diff.changed).toEqual([]);
  });

  it('what a file leaves behind is not blamed on the next', async () => {
    // One child reads all of them in turn; each earlier file ends it a moment later, in another way.
    write('1-exits.ts', dagFile('exits', 'setTimeout(() => process.exit(1), 1);'));
    write('2-throws.ts', dagFile('throws', "setTimeout(() => { throw new Error('late'); }, 1);"));
    write('3-rejects.ts', dagFile('rejects', "setTimeout(() => void Promise.reject(new Error('late')), 1);"));
    for (let n = 4; n < 9; n += 1) write(`${n}-innocent.ts`, dagFile(`innocent${n}`, 'await new Promise((resolve) => { setTimeout(resolve, 5); });'));
    const diff = await scannerOf({ size: 1 }).scan();
    expect(diff.failed).toEqual([]);
    expect(diff.changed).toHaveLength(8);
  });

  it('files that hang are killed at the limit and hold back no others', async () => {
    for (let n = 0; n < 4; n += 1) write(`0-hang-${n}.ts`, dagFile(`hang${n}`, 'for (;;) {}'));
    write('0-wait.ts', dagFile('wait', 'await new Promise(() => {});'));
    write('0-child.ts', dagFile('child', "spawn('/bin/sleep', ['1000'], { detached: false }); for (;;) {}", "import { spawn } from 'node:child_process';"));
    for (let n = 0; n < 10; n += 1) write(`good-${n}.ts`, dagFile(`good${n}`));
    const scanner = scannerOf({ timeLimitMs: 5_000, slowAfterMs: 100 });
    const told: ScanDiff[] = [];
    await new Promise<void>((resolve) => {
      let failed = 0;
      scanner.watch((diff) => {
        told.push(diff);
        failed += diff.failed.length;
        if (failed === 6) resolve();
      }, () => undefined);
    });
    const order = told.flatMap((diff) => [...diff.changed.map(({ file }) => file), ...diff.failed.map(({ file }) => file)]);
    expect(order.slice(0, 10).sort()).toEqual(Array.from({ length: 10 }, (_, n) => `good-${n}.ts`));
    expect(told.flatMap((diff) => diff.failed).map(({ error }) => error.code)).toEqual(Array.from({ length: 6 }, () => 'timed_out'));
    await scanner.stop();
    expect(childrenOf(process.pid).filter((command) => command.includes('sleep') && command.includes('1000'))).toEqual([]);
  });
});

it('reads a file that hung again by itself, and tells it when it is well', async () => {
  write('moody.ts', dagFile('moody', "if (existsSync(import.meta.dirname + '/busy')) for (;;) {}", "import { existsSync } from 'node:fs';"));
  write('busy', '');
  const scanner = scannerOf({ timeLimitMs: 300, retryTimedOutMs: 0 });
  expect(failures(await scanner.scan())).toEqual([['moody.ts', 'timed_out', undefined]]);
  expect(await scanner.scan()).toEqual(NOTHING);
  rmSync(join(folder, 'busy'));
  expect(dagIds(await scanner.scan())).toEqual([['moody.ts', ['moody']]]);
  expect(await scanner.scan()).toEqual(NOTHING);
});

it('leaves no child behind when it is stopped while files are read', async () => {
  for (let n = 0; n < 6; n += 1) write(`${n}.ts`, dagFile(`dag${n}`, 'await new Promise((resolve) => { setTimeout(resolve, 100); });'));
  const scanner = scannerOf();
  const scan = scanner.scan();
  await vi.waitUntil(() => childrenOf(process.pid).some((command) => command.includes('parse-child')), PROMPTLY);
  await scanner.stop();
  expect(await scan).toEqual(NOTHING);
  expect(childrenOf(process.pid).filter((command) => command.includes('parse-child'))).toEqual([]);
});

it('leaves no child behind when it is killed itself, not even one that loops', async () => {
  write('hang.ts', dagFile('hang', 'for (;;) {}'));
  const driver = join(folder, '.driver.mjs');
  writeFileSync(driver, `
    import { BundleScanner } from ${JSON.stringify(new URL('./scanner.ts', import.meta.url).href)};
    await new BundleScanner({ folder: ${JSON.stringify(folder)}, sdkPath: ${JSON.stringify(sdkPath)} }).scan();
  `);
  const scanner = spawn(process.execPath, [driver], { stdio: 'ignore' });
  const pid = await vi.waitUntil(() => pidsOf(scanner.pid ?? 0).find((child) => commandOf(child).includes('parse-child')), PROMPTLY);
  // It is evaluating once it has used a second of the processor.
  await vi.waitUntil(() => cpuTicks(pid) > 100, PROMPTLY);
  scanner.kill('SIGKILL');
  await vi.waitUntil(() => commandOf(pid) === '', PROMPTLY);
});

describe('a DAG that two files define', () => {
  it('stays with the file that had it, and the other recovers when that one lets go', async () => {
    write('a.ts', dagFile('same'));
    write('b.ts', dagFile('same', "d.empty('b');"));
    const scanner = scannerOf();
    const first = await scanner.scan();
    expect(dagIds(first)).toEqual([['a.ts', ['same']]]);
    expect(failures(first)).toEqual([['b.ts', 'duplicate_dag', undefined]]);
    write('a.ts', 'const = broken;');
    const broken = await scanner.scan();
    expect([dagIds(broken), failures(broken)]).toEqual([[], [['a.ts', 'syntax', 1]]]);
    rmSync(join(folder, 'a.ts'));
    const gone = await scanner.scan();
    expect([dagIds(gone), gone.removed]).toEqual([[['b.ts', ['same']]], ['a.ts']]);
  });
});

describe('files beside a DAG', () => {
  const reading = (dagId: string) => `import { bash, dag } from '@dagbook/sdk';\nconst d = dag('${dagId}');\nd.task('t', bash({ command: 'true' }))();\nexport default d;\n`;
  const shipped = (diff: ScanDiff) => diff.changed.map(({ file, bundle, files }) => [file, files?.files.map(({ path }) => path), bundle.filesHash === files?.hash]);

  it('go along with a DAG whose tasks may read them, and only what may leave the folder', async () => {
    write('a.ts', reading('a'));
    write('plain.ts', dagFile('plain'));
    write('op_script/orders.py', 'A = 1');
    write('sql/load.sql', 'SELECT 1');
    write('requirements.txt', 'greeting==1.0');
    for (const secret of ['.env', 'aws_auth/credentials', 'aws_auth/key.pem', '.ssh/id.py', 'node_modules/x/run.py', 'op_script/__pycache__/orders.py']) write(secret, 'secret');
    const diff = await scannerOf().scan();
    expect(shipped(diff)).toEqual([['a.ts', ['op_script/orders.py', 'requirements.txt', 'sql/load.sql'], true], ['plain.ts', undefined, true]]);
  });

  it('make another version when one is changed, added or removed, of the DAGs that take them along alone', async () => {
    write('a.ts', reading('a'));
    write('plain.ts', dagFile('plain'));
    write('op_script/orders.py', 'A = 1');
    const scanner = scannerOf();
    const first = await scanner.scan();
    expect(await scanner.scan()).toEqual({ changed: [], failed: [], removed: [] });
    write('op_script/orders.py', 'A = 2');
    const second = await scanner.scan();
    write('op_script/more.py', 'B = 1');
    const third = await scanner.scan();
    rmSync(join(folder, 'op_script/more.py'));
    const fourth = await scanner.scan();
    expect([second, third, fourth].map(dagIds)).toEqual([[['a.ts', ['a']]], [['a.ts', ['a']]], [['a.ts', ['a']]]]);
    const [one, two, three, four] = [first, second, third, fourth].map((diff) => diff.changed[0]?.bundle.hash);
    expect(new Set([one, two, three]).size).toBe(3);
    expect(four).toBe(two);
  });

  it('that are too large together are refused with the largest named', async () => {
    write('a.ts', reading('a'));
    write('data/big.csv', Buffer.alloc(21 * 1024 * 1024, 'x'));
    expect((await scannerOf().scan()).failed).toEqual([{ file: 'a.ts', error: {
      code: 'too_large', message: 'The files beside the DAGs have 21.0 MB, the largest is data/big.csv; at most 20.0 MB go along with a DAG. Keep data out of the folder and read it inside a task.',
    } }]);
  });
});

describe('a watch', () => {
  it('sees a file written, broken, mended and removed, without polling', async () => {
    const scanner = scannerOf({ pollMs: 3_600_000 });
    const seen: ScanDiff[] = [];
    let wake: () => void = () => undefined;
    scanner.watch((diff) => {
      seen.push(diff);
      wake();
    }, (error) => { throw error; });
    const next = async () => {
      if (seen.length === 0) await new Promise<void>((resolve) => { wake = resolve; });
      const diff = seen.shift();
      return diff === undefined ? undefined : [dagIds(diff), failures(diff), diff.removed];
    };
    await scanner.scan();
    write('new.ts', dagFile('new'));
    expect(await next()).toEqual([[['new.ts', ['new']]], [], []]);
    appendFileSync(join(folder, 'new.ts'), '\nconst = ;');
    expect(await next()).toEqual([[], [['new.ts', 'syntax', 8]], []]);
    write('new.ts', dagFile('new'));
    expect(await next()).toEqual([[['new.ts', ['new']]], [], []]);
    write('sub/folder/more.ts', dagFile('more'));
    expect(await next()).toEqual([[['sub/folder/more.ts', ['more']]], [], []]);
    rmSync(join(folder, 'new.ts'));
    expect(await next()).toEqual([[], [], ['new.ts']]);
  });
});
