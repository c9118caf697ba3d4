// `npm test`: everything that a bare machine lacks, every check, every test; one closing line `N passed, N failed`.
// Plain JavaScript of Node 20: it runs before anything is installed.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildAll, installPackages, NODE, ROOT, say } from './install.mjs';
import { ProcessWatch } from './process-watch.mjs';
import { countOf } from './suite-report.mjs';
import { installSystemParts } from './system.mjs';

const onCi = process.env.CI === 'true' || process.env.CI === '1';
const REPORTS = join(ROOT, 'dist', 'test-reports');
/** No suite needs half of it; one that hangs must not hang its machine. */
const SUITE_LIMIT_MS = 9 * 60_000;

/** Vitest's projects, each in a process of its own: what one leaves behind cannot help another. */
const SUITES = ['unit', 'int', 'e2e'];

/** What a spec says when it needs a part; one that needs it and does not say so fails, which is loud enough. */
const NEEDS = { java: /\bstartKafka\b|\bFaultCluster\b|shape: 'cluster'/, maven: /\bstartKafka\b|\bFaultCluster\b|shape: 'cluster'/, chromium: /\bplaywright-core\b/, docker: /\bstartEngineRig\b/, busybox: /\bstartEngineRig\b/, ssh: /\bsshd\b/, git: /'git'/ };

let passed = 0;
let failed = 0;
let closed = false;
const close = () => {
  if (closed) return;
  closed = true;
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
};
// Also when a step before the tests gives up: the closing line always comes, and then says that something failed.
process.on('exit', (code) => {
  if (!closed && code !== 0 && failed === 0) failed = 1;
  close();
});

installPackages();
let lacking = installSystemParts(['java', 'maven', 'chromium', 'docker', 'busybox', 'git', 'ssh']);
buildAll();
if (!lacking.some(({ part }) => part === 'java')) {
  // Maven is only a way to the broker's jars: where they are already, or cannot be had, is what counts.
  const isThere = fetchKafka();
  const hasMaven = !lacking.some(({ part }) => part === 'maven');
  if (isThere) lacking = lacking.filter(({ part }) => part !== 'maven');
  else if (hasMaven) lacking.push({ part: 'maven', sentence: 'The Kafka broker could not be fetched (see above).', remedy: 'Check that this machine reaches a Maven repository, then run `npm test` again.' });
}
rmSync(REPORTS, { recursive: true, force: true });
mkdirSync(REPORTS, { recursive: true });

// A temporary folder of our own, so that nothing stays behind; Postgres runs under another account and must get through.
const temporary = mkdtempSync(join(tmpdir(), 'dagbook-test-'));
chmodSync(temporary, 0o1777);
const env = { ...process.env, TMPDIR: temporary, DAGBOOK_ROOT: ROOT, DAGBOOK_TEST_RUN: String(process.pid), FORCE_COLOR: '0', NO_COLOR: '1' };
const watch = new ProcessWatch(`DAGBOOK_TEST_RUN=${process.pid}`);
if (!watch.sees) say('Processes cannot be watched on this system: what the tests leave running is not found out.');

let current;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    failed++;
    current?.kill('SIGTERM');
    for (const { pid } of watch.running()) if (pid !== current?.pid) end(pid);
    rmSync(temporary, { recursive: true, force: true });
    process.exit(130);
  });
}

for (const suite of ['checks', ...SUITES]) {
  say(`\n── ${suite} ──`);
  const startedAtMs = Date.now();
  const result = suite === 'checks' ? await runChecks() : await runVitest(suite);
  for (const { pid, command } of await watch.leftovers()) {
    say(`LEFT RUNNING by ${suite}: ${pid} ${command}`);
    end(pid);
    result.failed++;
  }
  passed += result.passed;
  failed += result.failed;
  say(`${suite}: ${result.passed} passed, ${result.failed} failed, ${((Date.now() - startedAtMs) / 1000).toFixed(0)} s`);
}
watch.stop();
rmSync(temporary, { recursive: true, force: true });

const notRun = SUITES.flatMap((suite) => unableToRun(suite));
for (const { part, sentence, remedy } of lacking) {
  const files = notRun.filter((one) => one.part === part).map(({ file }) => file);
  say(`\nNot run for want of ${part}: ${files.length} test files. ${sentence}\n  → ${remedy}\n${files.map((file) => `  not run: ${file}`).join('\n')}`);
}
if (onCi) failed += new Set(notRun.map(({ file }) => file)).size;
if (passed === 0) failed = Math.max(failed, 1);
close();
process.exitCode = failed > 0 ? 1 : 0;

/** Fetches the broker once, so that no test waits for a download. */
function fetchKafka() {
  return spawnSync(NODE, [join(ROOT, 'tools', 'bootstrap', 'prepare-kafka.mjs')], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
}

/** The checks of `npm run verify` but its unit tests, which are counted one by one below. */
async function runChecks() {
  const report = join(REPORTS, 'checks.json');
  await exitOf([join(ROOT, 'tools', 'verify', 'verify.mjs'), '--without-tests', '--report', report]);
  return existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : { passed: 0, failed: 1 };
}

async function runVitest(suite) {
  const report = join(REPORTS, `${suite}.json`);
  const barred = new Set(unableToRun(suite).map(({ file }) => file));
  const only = barred.size === 0 ? [] : specsOf(suite).filter((file) => !barred.has(file));
  const exitCode = await exitOf([join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--project', suite, ...only, '--reporter=dot', '--reporter=json', `--outputFile.json=${report}`, '--maxWorkers=2']);
  const { said, ...count } = countOf(existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : undefined, exitCode);
  for (const line of said) say(line.replaceAll(`${ROOT}/`, ''));
  return count;
}

/** The spec files of a suite that need a part which this machine lacks, each with the part. */
function unableToRun(suite) {
  return lacking.flatMap(({ part }) => specsOf(suite).filter((file) => NEEDS[part].test(readFileSync(join(ROOT, file), 'utf8'))).map((file) => ({ part, file })));
}

function specsOf(suite) {
  const roots = suite === 'e2e' ? ['test'] : ['libs', 'apps', 'tools'];
  const files = roots.flatMap((root) => readdirSync(join(ROOT, root), { recursive: true }).map((file) => join(root, file)));
  return files.filter((file) => file.endsWith('.spec.ts') && !/node_modules|known-(bad|good)/.test(file) && (suite === 'e2e' || file.endsWith('.int.spec.ts') === (suite === 'int')));
}

function exitOf(args) {
  return new Promise((resolve) => {
    current = spawn(NODE, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'], env });
    const limit = setTimeout(() => {
      say(`stopped after ${SUITE_LIMIT_MS / 60_000} minutes`);
      current.kill('SIGKILL');
    }, SUITE_LIMIT_MS);
    current.on('exit', (code) => {
      clearTimeout(limit);
      resolve(code ?? 1);
    });
  });
}

function end(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself in the meantime.
  }
}
