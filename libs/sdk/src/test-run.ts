import type { RunnableDag } from './runnable.ts';
import type { Mock, TaskRef, TestResult } from './types.ts';

export function mock<T>(r: TaskRef<T>, v: T | (() => T)): Mock {
  return { __mock: true, taskId: r.id, value: v } as Mock;
}

export async function testDag(_dag: RunnableDag, _options: { mock?: readonly Mock[] }): Promise<TestResult> {
  throw new Error('not yet');
}
