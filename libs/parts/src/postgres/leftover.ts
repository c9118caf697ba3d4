import { existsSync, readFileSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PartFault } from '../part-fault.ts';

/** True when the process lives (a zombie does not). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return processStat(pid)?.state !== 'Z';
}

/** Start time tells a process from a later one with the same id; null where there is no /proc. */
function processStat(pid: number): { state: string; startedAt: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', startedAt: fields[19] ?? '' };
  } catch {
    return null;
  }
}

/**
 * Which process uses a data folder: a file with its id and start time. A dead owner's file is taken over, so a folder
 * is never locked by a crash. Fails with `postgres.in_use` when the owner lives.
 */
export function claimFolder(dataDir: string): () => void {
  const file = join(dataDir, 'owner.pid');
  const [pid, startedAt] = existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : [];
  const owner = Number(pid);
  if (owner && owner !== process.pid && isAlive(owner) && (processStat(owner)?.startedAt ?? '') === (startedAt ?? '')) {
    throw new PartFault(
      'postgres.in_use',
      `The data folder ${dataDir} is in use by another Dagbook (process ${owner}).`,
      `Stop that one first (kill ${owner}), or start this one on a data folder of its own.`,
    );
  }
  writeFileSync(file, `${process.pid} ${processStat(process.pid)?.startedAt ?? ''}\n`);
  return () => rmSync(file, { force: true });
}

/**
 * Stops a Postgres that a killed process left behind on this cluster, so that there is one way to be running: as our
 * child, with our settings. Answers what it found, null when nothing was left.
 */
export async function stopLeftover(pgdata: string): Promise<string | null> {
  const file = join(pgdata, 'postmaster.pid');
  if (!existsSync(file)) return null;
  const pid = Number(readFileSync(file, 'utf8').split('\n', 1)[0]);
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid) || !servesCluster(pid, pgdata)) {
    return 'The last Postgres on this data folder was killed; it recovers from its log.';
  }
  // SIGINT: fast shutdown. SIGQUIT, should that hang: immediate, the next start recovers from the log.
  for (const [signal, patienceMs] of [['SIGINT', 15_000], ['SIGQUIT', 5_000]] as const) {
    process.kill(pid, signal);
    for (let waitedMs = 0; waitedMs < patienceMs && isAlive(pid); waitedMs += 10) await delay(10);
    if (!isAlive(pid)) return `Stopped a Postgres (process ${pid}) that a killed process had left behind on this data folder.`;
  }
  throw new PartFault(
    'postgres.leftover',
    `A Postgres left behind on ${pgdata} (process ${pid}) does not stop.`,
    `Stop it by hand (kill -QUIT ${pid}) and start again.`,
  );
}

/** A postmaster's working directory is its cluster: this tells it from a stranger that got the dead one's process id. */
function servesCluster(pid: number, pgdata: string): boolean {
  try {
    return realpathSync(readlinkSync(`/proc/${pid}/cwd`)) === realpathSync(pgdata);
  } catch {
    // Without /proc the pid file's word has to do.
    return !existsSync('/proc/self');
  }
}
