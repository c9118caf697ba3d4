import type { OperatorExecutor } from '@dagbook/sdk';
import { bash } from './bash.ts';

/** Executors by the kind that the SDK's declarations carry. Each runs inside a runner child, as the task's own code. */
export const operators: { readonly [kind: string]: OperatorExecutor } = { bash };
