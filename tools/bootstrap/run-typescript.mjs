// Runs one of the project's own TypeScript programs (benchmarks, oracle, faults): bundled in memory of the moment, with our Node.
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { NODE, ROOT } from './install.mjs';

export async function runTypeScript(entry, args) {
  const { build } = await import('esbuild');
  const folder = join(ROOT, 'dist', 'programs');
  mkdirSync(folder, { recursive: true });
  const out = join(folder, `${entry.replaceAll('/', '-').replace(/\.ts$/, '')}-${process.pid}.mjs`);
  await build({ absWorkingDir: ROOT, entryPoints: [entry], outfile: out, bundle: true, platform: 'node', format: 'esm', target: 'node24', packages: 'external', tsconfig: 'tsconfig.base.json', sourcemap: 'inline', keepNames: true, logLevel: 'warning' });
  const child = spawn(NODE, ['--enable-source-maps', out, ...args], { cwd: ROOT, stdio: 'inherit', env: { ...process.env, DAGBOOK_ROOT: ROOT } });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => (process.stdin.isTTY ? undefined : child.kill(signal)));
  child.on('exit', (code) => {
    rmSync(out, { force: true });
    process.exitCode = code ?? 1;
  });
}
