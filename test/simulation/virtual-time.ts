import { AsyncLocalStorage } from 'node:async_hooks';
import type { AlarmClock } from '@dagbook/platform';
import type { Chance } from './chance.ts';

/** A process of the simulation: whatever it has begun stops when it dies. */
export class Actor {
  readonly name: string;
  #alive = true;
  readonly #onDeath: (() => void)[] = [];

  constructor(name: string) {
    this.name = name;
  }

  get isAlive(): boolean {
    return this.#alive;
  }

  onDeath(act: () => void): void {
    this.#onDeath.push(act);
  }

  die(): void {
    if (!this.#alive) return;
    this.#alive = false;
    for (const act of this.#onDeath.splice(0)) act();
  }
}

interface Task {
  readonly atMs: number;
  /** Among tasks of one instant chance decides which goes first. */
  readonly lot: number;
  readonly actor: Actor;
  readonly run: () => void;
  cancelled: boolean;
}

/**
 * The only time and the only order there is: every timer and every `setImmediate` of simulated code waits here, and one
 * of them runs at a time, with all the promises that follow from it, before the next is taken. Time jumps to the next
 * task; of those due at once chance takes one.
 */
export class VirtualTime {
  nowMs: number;
  readonly #chance: Chance;
  readonly #heap: Task[] = [];

  constructor(nowMs: number, chance: Chance) {
    this.nowMs = nowMs;
    this.#chance = chance;
  }

  /** Answers how to call it off. */
  at(actor: Actor, atMs: number, run: () => void): () => void {
    const task: Task = { atMs: Math.max(atMs, this.nowMs), lot: this.#chance.next(), actor, run, cancelled: false };
    push(this.#heap, task);
    return () => {
      task.cancelled = true;
    };
  }

  after(actor: Actor, ms: number, run: () => void): () => void {
    return this.at(actor, this.nowMs + ms, run);
  }

  /** Resolves when that time has passed; never in an actor that has died. */
  pause(actor: Actor, ms: number): Promise<void> {
    return new Promise((resolve) => this.after(actor, ms, resolve));
  }

  /** Runs the next task; false when there is none. */
  async step(): Promise<boolean> {
    for (let task = pop(this.#heap); task !== undefined; task = pop(this.#heap)) {
      if (task.cancelled || !task.actor.isAlive) continue;
      this.nowMs = task.atMs;
      this.inside(task.actor, task.run);
      await turnOfTheRealLoop();
      return true;
    }
    return false;
  }

  /** Timers that `run` and its promises set are the actor's, in this time. */
  inside<T>(actor: Actor, run: () => T): T {
    return inside.run({ time: this, actor }, run);
  }

  clock(actor: Actor): AlarmClock {
    return { nowMs: () => this.nowMs, alarm: (atMs, wake) => this.at(actor, atMs, wake) };
  }
}

const isBefore = (a: Task, b: Task): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.lot < b.lot);

function push(heap: Task[], task: Task): void {
  let index = heap.push(task) - 1;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!isBefore(task, heap[parent] as Task)) break;
    heap[index] = heap[parent] as Task;
    index = parent;
  }
  heap[index] = task;
}

function pop(heap: Task[]): Task | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (top === undefined || last === undefined || heap.length === 0) return top;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Task, heap[child] as Task)) child += 1;
    if (!isBefore(heap[child] as Task, last)) break;
    heap[index] = heap[child] as Task;
    index = child;
  }
  heap[index] = last;
  return top;
}

const inside = new AsyncLocalStorage<{ readonly time: VirtualTime; readonly actor: Actor }>();

/** What a simulated `setTimeout` answers: as much of Node's `Timeout` as our services and their frameworks use. */
class VirtualTimer {
  readonly #cancel: () => void;
  constructor(cancel: () => void) {
    this.#cancel = cancel;
  }
  cancel(): void {
    this.#cancel();
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return true;
  }
}

const real = { setTimeout, clearTimeout, setImmediate, clearImmediate, setInterval, clearInterval };

/** Every promise that can go on has gone on when this resolves. */
const turnOfTheRealLoop = (): Promise<void> => new Promise((resolve) => real.setImmediate(resolve));

type Callback = (...args: unknown[]) => void;

/** Gives simulated code the simulation's timers, and leaves those of everything else in this process as they were. */
export function takeOverTimers(): void {
  if (globalThis.setTimeout !== real.setTimeout) return;
  const later = (original: Callback, repeats: boolean) => (callback: Callback, ms?: number, ...args: unknown[]): unknown => {
    const context = inside.getStore();
    if (context === undefined) return (original as unknown as (...all: unknown[]) => unknown)(callback, ms, ...args);
    const { time, actor } = context;
    let cancel = (): void => undefined;
    const set = (): void => {
      cancel = time.after(actor, Math.max(repeats ? 1 : 0, Math.ceil(ms ?? 0)), () => {
        if (repeats) set();
        callback(...args);
      });
    };
    set();
    return new VirtualTimer(() => cancel());
  };
  const never = (original: Callback) => (timer: unknown): void => {
    if (timer instanceof VirtualTimer) timer.cancel();
    else original(timer);
  };
  Object.assign(globalThis, {
    setTimeout: later(real.setTimeout as unknown as Callback, false),
    setInterval: later(real.setInterval as unknown as Callback, true),
    setImmediate: (callback: Callback, ...args: unknown[]): unknown => {
      const context = inside.getStore();
      return context === undefined ? real.setImmediate(callback, ...args) : new VirtualTimer(context.time.after(context.actor, 0, () => callback(...args)));
    },
    clearTimeout: never(real.clearTimeout as unknown as Callback),
    clearInterval: never(real.clearInterval as unknown as Callback),
    clearImmediate: never(real.clearImmediate as unknown as Callback),
  });
}
