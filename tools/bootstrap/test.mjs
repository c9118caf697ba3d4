// `npm test`: everything a bare machine lacks, every test, one closing line `N passed, N failed`.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildAll, installPackages, NODE, ROOT, say } from './install.mjs';
import { installSystemParts } from './system.mjs';

const onCi = process.env.CI === 'true';
const REPORTS = join(ROOT, 'dist', 'test-reports');

/** Each a process of its own: what one leaves behind cannot help another. */
const SUITES = [
  { name: 'types', command: [join(ROOT, 'tools/verify/types.mjs')] },
  { name: 'unit', vitest: ['--project', 'unit'] },
  { name: 'int', vitest: ['--project', 'int'] },
  { name: 'e2e', vitest: ['--project', 'e2e'] },
];

installPackages();
const missing = installSystemParts(['java', 'maven', 'chromium']);
buildAll();
prepareKafka();
rmSync(REPORTS, { recursive: true, force: true });
mkdirSync(REPORTS, { recursive: true });

let passed = 0;
let failed = 0;
for (const suite of SUITES) {
  if (suite.command !== undefined && !existsSync(suite.command[0])) continue;
  say(`\n── ${suite.name} ──`);
  const result = suite.vitest === undefined ? await runCheck(suite) : await runVitest(suite);
  passed += result.passed;
  failed += result.failed;
}
for (const left of leftovers()) {
  say(`left running: ${left.pid} ${left.command}`);
  process.kill(left.pid, 'SIGKILL');
  failed++;
}
for (const { part, sentence, remedy } of missing) {
  say(`\nnot run for want of ${part}: ${sentence}\n  → ${remedy}`);
  if (onCi) failed++;
}
process.stdout.write(`\n${passed} passed, ${failed} failed${missing.length > 0 && !onCi ? `, ${missing.length} skipped` : ''}\n`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

/** Fetches the broker once, so that no test waits for a download. */
function prepareKafka() {
  if (missing.some(({ part }) => part === 'java' || part === 'maven')) return;
  const program = join(ROOT, 'tools', 'bootstrap', 'prepare-kafka.mjs');
  if (spawnSync(NODE, [program], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] }).status !== 0) say('The Kafka broker could not be fetched: its tests will fail and say why.');
}

async function runCheck({ command }) {
  const code = await exitOf(NODE, command);
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

async function runVitest({ name, vitest }) {
  const report = join(REPORTS, `${name}.json`);
  await exitOf(NODE, [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', ...vitest, '--reporter=dot', '--reporter=json', `--outputFile.json=${report}`, '--maxWorkers=2']);
  if (!existsSync(report)) {
    say(`${name}: the test runner ended without a report`);
    return { passed: 0, failed: 1 };
  }
  const result = JSON.parse(readFileSync(report, 'utf8'));
  const brokenFiles = result.testResults.filter((file) => file.status === 'failed' && file.assertionResults.every((test) => test.status === 'passed')).length;
  // Nothing is passed over in silence: a skipped or unwritten test is a failed one.
  const silent = result.numPendingTests + (result.numTodoTests ?? 0);
  if (silent > 0) say(`${name}: ${silent} tests are skipped or not written`);
  for (const file of result.testResults) {
    for (const test of file.assertionResults) if (test.status === 'failed') say(`FAILED ${file.name.replace(`${ROOT}/`, '')} › ${test.fullName}\n${(test.failureMessages[0] ?? '').slice(0, 2_000)}`);
    if (file.status === 'failed' && file.message) say(`FAILED ${file.name.replace(`${ROOT}/`, '')}\n${file.message.slice(0, 2_000)}`);
  }
  return { passed: result.numPassedTests, failed: result.numFailedTests + brokenFiles + silent };
}

function exitOf(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, DAGBOOK_ROOT: ROOT, DAGBOOK_TEST_RUN: String(process.pid) } });
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

/** Processes that still carry our mark in their environment. */
function leftovers() {
  if (!existsSync('/proc')) return [];
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .flatMap((pid) => {
      try {
        const marked = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`DAGBOOK_TEST_RUN=${process.pid}\0`);
        return marked ? [{ pid: Number(pid), command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 120) }] : [];
      } catch {
        return [];
      }
    });
}
