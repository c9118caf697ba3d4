// Which processes a test run has started, and which of them are still there when it is over.
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Fields of /proc/<pid>/stat; the command in brackets may hold spaces and brackets itself. */
function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { pid, state, parent: Number(parent), startedAt: rest[17] };
  } catch {
    return undefined;
  }
}

const read = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/**
 * A process is ours when its parent is ours or its environment bears our mark. It stays ours when its parent dies, and
 * a pid that is used again is another process: both are told by the time of its start. Processes are looked for several
 * times a second, so one that forgets mark and parent within a moment of its birth can escape.
 */
export class ProcessWatch {
  #mark;
  #ours = new Map();
  #others = new Map();
  #timer;

  /** `mark` is `NAME=value`, as it stands in the environment of what we start. */
  constructor(mark, everyMs = 400) {
    this.#mark = `${mark}\0`;
    if (existsSync('/proc/self/stat')) this.#timer = setInterval(() => this.look(), everyMs).unref();
  }

  /** Can this system be watched at all? */
  get sees() {
    return this.#timer !== undefined;
  }

  look() {
    const now = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map((name) => statOf(Number(name))).filter((stat) => stat !== undefined && stat.pid !== process.pid);
    for (const known of [this.#ours, this.#others]) {
      for (const [pid, startedAt] of known) if (!now.some((stat) => stat.pid === pid && stat.startedAt === startedAt)) known.delete(pid);
    }
    // Parents are older than their children, but a family may have come whole since the last look.
    for (let grew = true; grew; ) {
      grew = false;
      for (const { pid, parent, startedAt } of now) {
        if (this.#ours.has(pid)) continue;
        const isOurs = parent === process.pid || this.#ours.has(parent) || (!this.#others.has(pid) && read(`/proc/${pid}/environ`).includes(this.#mark));
        if (isOurs) {
          this.#ours.set(pid, startedAt);
          this.#others.delete(pid);
          grew = true;
        } else this.#others.set(pid, startedAt);
      }
    }
    return now;
  }

  /** Ours that still run, each with its command. A dead process that nobody has waited for runs no more. */
  running() {
    if (!this.sees) return [];
    return this.look()
      .filter(({ pid, state }) => this.#ours.has(pid) && state !== 'Z' && state !== 'X')
      .map(({ pid }) => ({ pid, command: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim().slice(0, 160) }));
  }

  /** What is left when all had `graceMs` to end. */
  async leftovers(graceMs = 3_000) {
    const deadline = performance.now() + graceMs;
    let left = this.running();
    while (left.length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      left = this.running();
    }
    return left;
  }

  stop() {
    clearInterval(this.#timer);
  }
}
