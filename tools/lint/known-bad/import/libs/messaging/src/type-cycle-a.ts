// breaks nothing: of a type, nothing is left when it runs
import type { B } from './type-cycle-b.ts';

export type A = { readonly b?: B };
