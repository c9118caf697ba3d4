// Runs one of the built programs in the foreground and passes signals on: it drains, we wait and give its exit code.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { NODE, ROOT } from './install.mjs';

export function runProgram(entry, args, cwd = ROOT) {
  const child = spawn(NODE, ['--enable-source-maps', join(ROOT, 'dist', entry), ...args], { cwd, stdio: 'inherit', env: { ...process.env, DAGBOOK_ROOT: ROOT } });
  // A terminal sends Ctrl-C to the whole group; when we alone are asked to stop, the program must hear of it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
}
