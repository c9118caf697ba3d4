import childProcess from 'node:child_process';
import diagnostics from 'node:diagnostics_channel';
import { syncBuiltinESMExports } from 'node:module';

/**
 * Calls `onSpawn` before code starts a process. A process that inherits stdout may leave output in the pipe when its
 * task ends, and only such tasks pay for waiting until it has been read. Node announces asynchronous starts itself.
 */
export function watchSpawns(onSpawn: () => void): void {
  diagnostics.subscribe('child_process', onSpawn);
  for (const name of ['spawnSync', 'execSync', 'execFileSync'] as const) {
    const original = childProcess[name] as (...args: unknown[]) => unknown;
    const watched = (...args: unknown[]): unknown => {
      onSpawn();
      return original(...args);
    };
    Object.assign(childProcess, { [name]: watched });
  }
  syncBuiltinESMExports();
}
