import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Operator, SensorOperator } from './types.ts';

/**
 * An operator as a DAG declares it: a kind and its fields. What executes a kind is given to the runner by the process
 * around it, so that a DAG file carries no driver.
 */
export interface DeclaredOperator {
  readonly kind: string;
  readonly fields: { readonly [name: string]: unknown };
  readonly output?: StandardSchemaV1;
  /** Its executor answers whether to look again, so its task is a sensor. */
  readonly sensor: boolean;
  /** Its task is a short circuit: whether what follows is to run, by what it answered. */
  readonly passes?: (result: unknown) => boolean;
}

const OPERATOR = Symbol('operator');

class OperatorValue<O> implements SensorOperator<{}, O> {
  readonly kind: string;
  declare readonly __sensor: true;
  readonly [OPERATOR]: DeclaredOperator;
  constructor(declared: DeclaredOperator) {
    this.kind = declared.kind;
    this[OPERATOR] = declared;
  }
}

export const operatorOf = (value: unknown): DeclaredOperator | undefined => (value instanceof OperatorValue ? value[OPERATOR] : undefined);

type Fields<O> = { readonly output?: StandardSchemaV1<unknown, O> | undefined; readonly [name: string]: unknown };

export const declareOperator = <O>(kind: string, fields: Fields<O>): Operator<{}, O> => declared(kind, fields, false);

export const declareSensor = <O>(kind: string, fields: Fields<O>): SensorOperator<{}, O> => declared(kind, fields, true);

export const declareGate = <O>(kind: string, fields: Fields<O>, passes: (result: O) => boolean): Operator<{}, O> =>
  declared(kind, fields, false, passes as (result: unknown) => boolean);

function declared<O>(kind: string, { output, ...fields }: Fields<O>, sensor: boolean, passes?: (result: unknown) => boolean): OperatorValue<O> {
  return new OperatorValue<O>({ kind, fields, sensor, ...(passes === undefined ? {} : { passes }), ...(output === undefined ? {} : { output }) });
}
