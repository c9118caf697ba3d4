import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ClaimedFolder {
  readonly folder: string;
  release(): void;
}

/**
 * A folder below `base` that no other process of this host uses, the same as before after a restart where it can be: what
 * was fetched last is there though its source is away. A process that ends gives up what it has not released.
 */
export function claimFolder(base: string): ClaimedFolder {
  mkdirSync(base, { recursive: true });
  for (let number = 1; ; number += 1) {
    const folder = join(base, String(number));
    const claim = `${folder}.claim`;
    const owner = read(claim).split(' ');
    if (owner.length === 2 && owner[1] !== '' && startTicks(Number(owner[0])) === owner[1]) continue;
    rmSync(claim, { force: true });
    try {
      writeFileSync(claim, `${process.pid} ${startTicks(process.pid)}`, { flag: 'wx' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw error;
    }
    mkdirSync(folder, { recursive: true });
    return { folder, release: () => rmSync(claim, { force: true }) };
  }
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};

/** With the pid it names one process for good; empty when there is none. */
function startTicks(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
