import type { BinaryOperator, CompareOperator } from '../value/operator.ts';

interface At {
  readonly line: number;
}

export interface CallArguments {
  readonly positional: readonly Expression[];
  readonly named: readonly (readonly [string, Expression])[];
  /** `*items`. */
  readonly spread: Expression | undefined;
  /** `**mapping`. */
  readonly spreadNamed: Expression | undefined;
}

/** A filter or test by name, with its arguments; the value it is applied to stands outside. */
export interface Application extends At {
  readonly name: string;
  readonly args: CallArguments;
}

export type Expression = At &
  (
    | { readonly kind: 'constant'; readonly value: null | boolean | bigint | number | string }
    | { readonly kind: 'name'; readonly name: string }
    | { readonly kind: 'tuple' | 'list'; readonly items: readonly Expression[] }
    | { readonly kind: 'dict'; readonly entries: readonly (readonly [Expression, Expression])[] }
    | { readonly kind: 'attribute'; readonly of: Expression; readonly name: string }
    | { readonly kind: 'item'; readonly of: Expression; readonly key: Expression }
    | { readonly kind: 'slice'; readonly start: Expression | undefined; readonly stop: Expression | undefined; readonly step: Expression | undefined }
    | { readonly kind: 'call'; readonly callee: Expression; readonly args: CallArguments }
    /** Without a value it is the filter of a block. */
    | { readonly kind: 'filter'; readonly value: Expression | undefined; readonly filter: Application }
    | { readonly kind: 'test'; readonly value: Expression; readonly test: Application }
    | { readonly kind: 'conditional'; readonly test: Expression; readonly then: Expression; readonly otherwise: Expression | undefined }
    | { readonly kind: 'or' | 'and'; readonly left: Expression; readonly right: Expression }
    | { readonly kind: 'not' | 'negative' | 'positive'; readonly operand: Expression }
    | { readonly kind: 'compare'; readonly first: Expression; readonly rest: readonly (readonly [CompareOperator, Expression])[] }
    | { readonly kind: 'binary'; readonly operator: BinaryOperator; readonly left: Expression; readonly right: Expression }
    | { readonly kind: 'concat'; readonly items: readonly Expression[] }
  );

/** What may stand left of `=`, or between `for` and `in`. */
export type Target = At &
  (
    | { readonly kind: 'name'; readonly name: string }
    | { readonly kind: 'namespaceAttribute'; readonly namespace: string; readonly name: string }
    | { readonly kind: 'targets'; readonly items: readonly Target[] }
  );

export interface Parameter {
  readonly name: string;
  readonly defaultValue: Expression | undefined;
}

export interface Macro extends At {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly body: readonly Statement[];
  /** Which of the names that a macro is given on demand its body asks for. */
  readonly uses: { readonly caller: boolean; readonly kwargs: boolean; readonly varargs: boolean };
}

export type Statement = At &
  (
    | { readonly kind: 'text'; readonly text: string }
    | { readonly kind: 'print'; readonly value: Expression }
    | { readonly kind: 'if'; readonly branches: readonly { readonly test: Expression; readonly body: readonly Statement[] }[]; readonly otherwise: readonly Statement[] }
    | {
        readonly kind: 'for';
        readonly target: Target;
        readonly over: Expression;
        readonly test: Expression | undefined;
        readonly recursive: boolean;
        readonly body: readonly Statement[];
        readonly otherwise: readonly Statement[];
      }
    | { readonly kind: 'set'; readonly target: Target; readonly value: Expression }
    | { readonly kind: 'setBlock'; readonly target: Target; readonly filter: Expression | undefined; readonly body: readonly Statement[] }
    | { readonly kind: 'macro'; readonly macro: Macro }
    | { readonly kind: 'callBlock'; readonly call: Expression & { readonly kind: 'call' }; readonly caller: Macro }
    | { readonly kind: 'filterBlock'; readonly filter: Expression; readonly body: readonly Statement[] }
    | { readonly kind: 'with'; readonly bindings: readonly (readonly [Target, Expression])[]; readonly body: readonly Statement[] }
    | { readonly kind: 'autoescape'; readonly enabled: Expression; readonly body: readonly Statement[] }
    | { readonly kind: 'include'; readonly template: Expression; readonly ignoreMissing: boolean; readonly withContext: boolean }
    | { readonly kind: 'import'; readonly template: Expression; readonly name: string; readonly withContext: boolean }
    | { readonly kind: 'fromImport'; readonly template: Expression; readonly names: readonly (readonly [string, string])[]; readonly withContext: boolean }
    | { readonly kind: 'do'; readonly value: Expression }
    | { readonly kind: 'block'; readonly block: Block }
    | { readonly kind: 'extends'; readonly template: Expression }
  );

export interface Block extends At {
  readonly name: string;
  readonly scoped: boolean;
  readonly required: boolean;
  readonly body: readonly Statement[];
}

export interface Template {
  readonly body: readonly Statement[];
  readonly blocks: ReadonlyMap<string, Block>;
}
