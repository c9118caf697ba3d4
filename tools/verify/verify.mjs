// `npm run verify`: everything that can be said of the code without starting a service, in under a minute.
// Plain JavaScript of Node 20: it also installs what a bare clone lacks.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installPackages, NODE, ROOT, say } from '../bootstrap/install.mjs';

const bin = (path) => join(ROOT, 'node_modules', path);

/** What must hold, in a sentence, and what proves it. Two at a time, in this order; the longest first. */
const CHECKS = [
  { holds: 'every room type-checks, and the pure rooms do so without Node', command: [bin('nx/dist/bin/nx.js'), 'run-many', '-t', 'typecheck', 'purity', '--parallel=2', '--outputStyle=static'] },
  { isTest: true, holds: 'the unit tests pass, and every lint rule still finds its known-bad file', command: [bin('vitest/vitest.mjs'), 'run', '--project', 'unit', '--reporter=dot', '--maxWorkers=2'] },
  { holds: 'the code keeps the rules of .oxlintrc.json', command: [bin('oxlint/bin/oxlint'), 'apps', 'libs', 'test', 'tools', 'dags'] },
  { holds: 'rooms import one another only in the direction of .dependency-cruiser.cjs', command: [bin('dependency-cruiser/bin/dependency-cruiser.mjs'), 'apps', 'libs', 'test', 'tools', 'dags', '--config', '.dependency-cruiser.cjs', '--output-type', 'err'] },
  { holds: 'no file, export or package is there for nothing', command: [bin('knip/bin/knip.js'), '--no-progress'] },
  { holds: 'docs/asyncapi.yaml is what libs/contracts says', command: [join(ROOT, 'tools/asyncapi/generate.mjs'), '--check'] },
  { holds: 'the clients of page and command line are what apps/api-gateway/openapi.json makes', command: [join(ROOT, 'tools/verify/client.mjs')] },
];

/** Runs one check; answers what it said, its seconds, and whether it holds. */
function run({ holds, command }) {
  const startedAtMs = Date.now();
  return new Promise((resolve) => {
    const env = { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false', FORCE_COLOR: '0', NO_COLOR: '1' };
    const child = spawn(NODE, command, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = [];
    child.stdout.on('data', (bytes) => said.push(bytes));
    child.stderr.on('data', (bytes) => said.push(bytes));
    child.on('close', (code) => resolve({ holds, ok: code === 0, said: Buffer.concat(said).toString(), seconds: (Date.now() - startedAtMs) / 1000 }));
  });
}

/** Runs checks two at a time, telling each as it ends; answers how many do not hold. */
async function verify(checks) {
  const waiting = [...checks];
  let broken = 0;
  const lane = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const { holds, ok, said, seconds } = await run(check);
      if (!ok) {
        broken++;
        say(`\n${said.trim()}\n`);
      }
      say(`${ok ? 'holds ' : 'BROKEN'} ${seconds.toFixed(1).padStart(5)} s  ${holds}`);
    }
  };
  await Promise.all([lane(), lane()]);
  return broken;
}

// `npm test` counts the unit tests itself, and reads the outcome of the rest from a file.
const args = process.argv.slice(2);
const checks = args.includes('--without-tests') ? CHECKS.filter(({ isTest }) => !isTest) : CHECKS;
const report = args.includes('--report') ? args[args.indexOf('--report') + 1] : undefined;

installPackages();
const startedAtMs = Date.now();
const failed = await verify(checks);
const passed = checks.length - failed;
if (report !== undefined) writeFileSync(report, JSON.stringify({ passed, failed }));
process.stdout.write(`\n${passed} of ${checks.length} checks hold, ${failed} broken, in ${((Date.now() - startedAtMs) / 1000).toFixed(0)} s\n`);
process.exitCode = failed === 0 ? 0 : 1;
