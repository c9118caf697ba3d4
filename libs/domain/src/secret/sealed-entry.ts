import type { Decider, Decision } from '../decider.ts';
import { reject } from '../decider.ts';

/**
 * A connection or a variable: what it holds is sealed before it gets here, so no event has anything to hide. Streams
 * `connection-<id>` and `variable-<key>`, written by the gateway.
 */
export type SealedEntryEvent =
  | { readonly type: 'ConnectionSet' | 'VariableSet'; readonly sealed: string; readonly by: string; readonly atMs: number }
  /** The same content under another key. */
  | { readonly type: 'ConnectionResealed' | 'VariableResealed'; readonly sealed: string; readonly by: string; readonly atMs: number }
  | { readonly type: 'ConnectionDeleted' | 'VariableDeleted'; readonly by: string; readonly atMs: number };

interface Given {
  readonly by: string;
  readonly atMs: number;
}

export type SealedEntryCommand =
  /** `create` refuses what is there, `change` what is not; `set` takes either. `from` is the content that was changed: another since is a conflict. */
  | (Given & { readonly type: 'Set'; readonly mode: 'create' | 'change' | 'set'; readonly sealed: string; readonly from?: string })
  | (Given & { readonly type: 'Reseal'; readonly from: string; readonly sealed: string })
  | (Given & { readonly type: 'Delete' });

/** null: it is not there, or not any more. */
export type SealedEntry = { readonly sealed: string } | null;

/** Codes: `exists`, `not_found`, `changed`. `name` is what it is called in sentences: `connection 'lake'`. */
export function sealedEntryDecider(kind: 'Connection' | 'Variable', name: string): Decider<SealedEntryCommand, SealedEntryEvent, SealedEntry> {
  return {
    initialState: () => null,
    decide: (command, entry): Decision<SealedEntryEvent> => {
      const { by, atMs } = command;
      const missing = () => reject('not_found', `There is no ${name}.`);
      switch (command.type) {
        case 'Set':
          if (command.mode === 'create' && entry !== null) return reject('exists', `The ${name} exists already; change it instead.`);
          if (command.mode === 'change' && entry === null) return missing();
          if (command.from !== undefined && entry?.sealed !== command.from) return reject('changed', `The ${name} was changed by somebody else meanwhile; read it again.`);
          return [{ type: `${kind}Set`, sealed: command.sealed, by, atMs }];
        case 'Reseal':
          // What was changed meanwhile is sealed with the newest key already.
          return entry?.sealed === command.from ? [{ type: `${kind}Resealed`, sealed: command.sealed, by, atMs }] : [];
        case 'Delete':
          return entry === null ? missing() : [{ type: `${kind}Deleted`, by, atMs }];
      }
    },
    evolve: (_, event) => ('sealed' in event ? { sealed: event.sealed } : null),
  };
}
