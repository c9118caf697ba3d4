import type { ParamsDefinition } from '../dag/definition.ts';
import type { Json } from '../json.ts';

/** Somebody, by the name they sign in with. */
export interface HumanUser {
  readonly id: string;
  readonly name: string;
}

/** What a task asks of people, as `TaskAwaitingInput` carries it. */
export interface HumanRequest {
  readonly subject: string;
  readonly body?: string;
  /** At least one; they are the buttons. */
  readonly options: readonly string[];
  /** Taken when nobody answers in time. Absent: the try then fails. */
  readonly defaults?: readonly string[];
  /** More than one option may be chosen. */
  readonly multiple?: boolean;
  /** A form that is filled in with the choice. */
  readonly params?: ParamsDefinition;
  /** Absent: whoever may change runs may answer. */
  readonly assignedUsers?: readonly HumanUser[];
}

export interface HumanAnswer {
  readonly chosenOptions: readonly string[];
  readonly paramsInput: { readonly [name: string]: Json };
  /** null: nobody; the defaults were taken. */
  readonly by: HumanUser | null;
  readonly atMs: number;
}

/** A member that an event lacks is as if nothing had been said of it. */
export const humanRequestOf = (request: Json): HumanRequest => ({ subject: '', options: [], ...(request as object) });
