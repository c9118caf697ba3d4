import { type Json, parseInstant } from '@dagbook/domain';
import { Deferral, definitionError, TaskFailure } from './error.ts';
import { durationMs } from './schedule.ts';
import type { Duration, Json as AuthorJson, Trigger } from './types.ts';

/** What a deferred task waits for, as it is recorded; the process that hosts triggers reads it. */
export type TriggerSpec =
  | { readonly kind: 'at'; readonly atMs: number }
  | { readonly kind: 'after'; readonly afterMs: number }
  /** The sensor's own pokes. */
  | { readonly kind: 'poke' }
  /** A function of the task's `triggers`, by name. */
  | { readonly kind: 'named'; readonly name: string; readonly args: Json };

const KINDS: readonly unknown[] = ['at', 'after', 'poke', 'named'] satisfies readonly TriggerSpec['kind'][];

const made = (spec: TriggerSpec): Trigger => spec as unknown as Trigger;

/** What a task can be deferred to. Triggers hold no slot: a worker hosts thousands of them in one process. */
export const trigger = {
  /** Fires at an instant: a `Date`, or ISO-8601 with a zone. Brings the instant as text. */
  at(instant: Date | string): Trigger {
    const atMs = typeof instant === 'string' ? parseInstant(instant) : instant.getTime();
    if (atMs === undefined || Number.isNaN(atMs)) throw definitionError({ field: 'trigger.at()', value: String(instant), rule: 'it takes a Date, or an instant such as "2027-01-05T08:00:00Z"', remedy: 'Name the date, the time and the zone' });
    return made({ kind: 'at', atMs });
  },
  /** Fires so long after the task was deferred. Brings the instant as text. */
  after: (duration: Duration): Trigger => made({ kind: 'after', afterMs: durationMs('trigger.after()', duration) }),
  /** Fires when the function of this name in the task's `triggers` returns. Brings what it returned. */
  named: (name: string, args: AuthorJson = null): Trigger => made({ kind: 'named', name, args: args as Json }),
};

/**
 * Ends this execution and frees its slot. When the trigger fires the same try is executed again from the start, with what
 * the trigger brought in `context.resumed`; results are not lost in between. When it has not fired after `timeout` the try
 * fails with the code `timeout`. Never returns.
 */
export function defer(to: Trigger, options: { timeout?: Duration } = {}): never {
  if (!KINDS.includes((to as Partial<TriggerSpec> | null | undefined)?.kind)) {
    throw definitionError({ field: 'defer()', value: to, rule: 'a task is deferred to a trigger', remedy: "Write defer(trigger.after('1h')), trigger.at(…) or trigger.named('name', arguments)" });
  }
  throw new Deferral(to as unknown as TriggerSpec, options.timeout === undefined ? undefined : durationMs('timeout of defer()', options.timeout));
}

/** As it goes into the journal: a delay counts from here, however often its host is replaced. */
export function recorded(spec: TriggerSpec, nowMs: number): TriggerSpec {
  return spec.kind === 'after' ? { kind: 'at', atMs: nowMs + spec.afterMs } : spec;
}

export interface TriggerParts {
  nowMs(): number;
  wait(ms: number): Promise<void>;
  named(name: string): ((args: Json) => unknown) | undefined;
}

/** Node's timers hold no more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Waits until it fires; answers what it brings. */
export async function awaitTrigger(spec: Exclude<TriggerSpec, { kind: 'poke' }>, { nowMs, wait, named }: TriggerParts): Promise<unknown> {
  if (spec.kind === 'named') {
    const code = named(spec.name);
    if (code === undefined) throw new TaskFailure('code_missing', `the task has no trigger '${spec.name}': name it in the task's triggers`, { retry: false });
    return code(spec.args);
  }
  const atMs = spec.kind === 'at' ? spec.atMs : nowMs() + spec.afterMs;
  for (let leftMs = atMs - nowMs(); leftMs > 0; leftMs = atMs - nowMs()) await wait(Math.min(leftMs, MAX_TIMER_MS));
  return new Date(atMs).toISOString();
}
