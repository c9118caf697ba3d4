import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** What runs now; zombies do not. A process that goes while it is read is left out. */
function processes(): ProcessFacts[] {
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (factsOf(Number(name)) ?? []) : []));
}

export const isRunning = (pid: number): boolean => factsOf(pid) !== undefined;

/** Children, their children and so on. */
export function descendantsOf(pid: number): ProcessFacts[] {
  const byParent = Map.groupBy(processes(), (facts) => facts.parent);
  const found: ProcessFacts[] = [];
  const visit = (parent: number): void => {
    for (const child of byParent.get(parent) ?? []) {
      found.push(child);
      visit(child.pid);
    }
  };
  visit(pid);
  return found;
}

/** Processes that carry this text in the environment that they were started with. */
export function processesMarked(mark: string): ProcessFacts[] {
  return processes().filter(({ pid }) => readProc(pid, 'environ').includes(mark));
}

function factsOf(pid: number): ProcessFacts | undefined {
  const stat = readProc(pid, 'stat');
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (parent === undefined || state === 'Z' || state === 'X') return undefined;
  return { pid, parent: Number(parent), command: readProc(pid, 'cmdline').replaceAll('\0', ' ').trim() };
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
