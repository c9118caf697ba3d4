import { readdirSync, readFileSync } from 'node:fs';

/** What a tree of processes has used, by /proc. */
export interface ProcessCost {
  readonly cpuSeconds: number;
  readonly processes: number;
}

const TICKS_PER_SECOND = 100;

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
  /** User and system time, its reaped children's included. */
  readonly ticks: number;
}

function stats(): Stat[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const text = readFileSync(`/proc/${name}/stat`, 'utf8');
        const close = text.lastIndexOf(')');
        const fields = text.slice(close + 2).split(' ');
        const number = (index: number): number => Number(fields[index]);
        return [{ pid: Number(name), parent: number(1), command: text.slice(text.indexOf('(') + 1, close), ticks: number(11) + number(12) + number(13) + number(14) }];
      } catch {
        return [];
      }
    });
}

/** The process and all that descends from it. */
function familyOf(rootPid: number): readonly Stat[] {
  const all = stats();
  const children = Map.groupBy(all, (stat) => stat.parent);
  const family: Stat[] = [];
  const visit = (pid: number): void => {
    const stat = all.find((candidate) => candidate.pid === pid);
    if (stat !== undefined) family.push(stat);
    for (const child of children.get(pid) ?? []) visit(child.pid);
  };
  visit(rootPid);
  return family;
}

export function costOf(rootPid: number): ProcessCost {
  const family = familyOf(rootPid);
  return { cpuSeconds: family.reduce((sum, stat) => sum + stat.ticks, 0) / TICKS_PER_SECOND, processes: family.length };
}

/** Proportional set size in MB, Postgres apart. */
export function memoryOf(rootPid: number): { readonly ownMb: number; readonly postgresMb: number } {
  let own = 0;
  let postgres = 0;
  for (const { pid, command } of familyOf(rootPid)) {
    let kb = 0;
    try {
      kb = Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
    } catch {
      continue;
    }
    if (command.startsWith('postgres')) postgres += kb;
    else own += kb;
  }
  return { ownMb: own / 1024, postgresMb: postgres / 1024 };
}
