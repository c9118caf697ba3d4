import type { OperatorContext, TaskFailure, TaskIo } from '@dagbook/sdk';
import { expect } from 'vitest';

type Connection = { readonly [field: string]: string | number | null | { readonly [name: string]: string | boolean | number } };

export interface Rig {
  readonly context: OperatorContext;
  /** `logger level: text`, as they came. */
  readonly lines: string[];
  /** Resolves with the first line, past or future, that satisfies `test`. */
  waitFor(test: (line: string) => boolean): Promise<string>;
}

export interface RigOptions {
  readonly abort?: AbortController;
  readonly connections?: { readonly [id: string]: Connection };
  readonly environment?: { readonly [name: string]: string };
  readonly taskId?: string;
  readonly epoch?: number;
  readonly nowMs?: number;
  readonly bundle?: TaskIo['bundle'];
  readonly requestRun?: TaskIo['requestRun'];
  readonly findRun?: TaskIo['findRun'];
}

/** What an operator sees of its run, and what a test sees of the operator. */
export function rigOf(options: RigOptions = {}): Rig {
  const lines: string[] = [];
  const waiters: { test: (line: string) => boolean; resolve: (line: string) => void }[] = [];
  const none = async (): Promise<never> => {
    throw new Error('not part of this test');
  };
  const io: TaskIo = {
    signal: (options.abort ?? new AbortController()).signal,
    nowMs: () => options.nowMs ?? 0,
    log: (level, event, attributes) => {
      const line = `${(attributes as { logger?: string } | undefined)?.logger ?? 'task'} ${level}: ${event}`;
      lines.push(line);
      for (const waiter of waiters) if (waiter.test(line)) waiter.resolve(line);
    },
    getResult: none,
    putResult: none,
    connection: async (id) => options.connections?.[id] ?? null,
    variable: none,
    requestRun: options.requestRun ?? none,
    findRun: options.findRun ?? none,
    operators: {},
    ...(options.bundle === undefined ? {} : { bundle: options.bundle }),
  };
  const context: OperatorContext = {
    request: {
      attempt: { dagId: 'd', runId: 'r', taskId: options.taskId ?? 't', mapIndex: -1, tryNumber: 1 },
      epoch: options.epoch ?? 1,
      work: { bundleHash: 'h', maxTries: 1, run: { runType: 'manual', logicalDateMs: null, dataInterval: null, runAfterMs: 0, conf: {}, params: {} }, results: {} },
    },
    environment: { DAGBOOK_DS: '2026-01-01', DAGBOOK_TIMEZONE: 'Asia/Seoul', ...options.environment },
    io,
  };
  return {
    context,
    lines,
    waitFor: (test) => {
      const past = lines.find(test);
      return past === undefined ? new Promise((resolve) => waiters.push({ test, resolve })) : Promise.resolve(past);
    },
  };
}

export const failureOf = (promise: Promise<unknown>): Promise<TaskFailure> =>
  promise.then((value) => expect.fail(`it did not fail but answered ${JSON.stringify(value)}`), (error: TaskFailure) => error);
