/**
 * The shape of every decision in Dagbook.
 *
 * `decide` is synchronous, total and never mutates the state it reads; a refusal is a value, not an exception.
 * `evolve` owns the state it is given and may change it in place: the caller must keep no other reference to it.
 * Time, ids, random numbers and configuration arrive inside the command.
 */
export interface Decider<Command, Event, State> {
  readonly initialState: () => State;
  readonly decide: (command: Command, state: State) => Decision<Event>;
  readonly evolve: (state: State, event: Event) => State;
}

export type Decision<Event> = readonly Event[] | Rejected;

/** A refusal: expected, told to whoever asked, with a stable code and a sentence that names the remedy. */
export interface Rejected {
  readonly rejected: true;
  readonly code: string;
  readonly message: string;
}

export const reject = (code: string, message: string): Rejected => ({ rejected: true, code, message });

export const isRejected = (decision: unknown): decision is Rejected =>
  typeof decision === 'object' && decision !== null && (decision as { rejected?: unknown }).rejected === true;

/** A broken invariant is a bug, the only thing in the domain that throws. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant: ${message}`);
}

export const unreachable = (value: never): never => {
  throw new Error(`invariant: unreachable ${JSON.stringify(value)}`);
};
