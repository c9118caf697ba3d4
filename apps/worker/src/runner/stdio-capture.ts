import type { AsyncLocalStorage } from 'node:async_hooks';
import type { TaskLog } from './task-log.ts';

/**
 * Gives what code writes to `process.stdout` and `process.stderr` (so `console` too) to the log of the task whose code
 * it is, by async context: what a finished task's timers still write never lands in the next task's log.
 */
export function captureStdio(currentLog: AsyncLocalStorage<{ readonly log: TaskLog }>): void {
  for (const stream of ['stdout', 'stderr'] as const) {
    process[stream].write = ((chunk: string | Uint8Array, encoding?: BufferEncoding | WriteDone, done?: WriteDone): boolean => {
      const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
      currentLog.getStore()?.log.write(stream, text);
      const callback = typeof encoding === 'function' ? encoding : done;
      if (callback !== undefined) queueMicrotask(callback);
      return true;
    }) as typeof process.stdout.write;
  }
}

type WriteDone = (error?: Error | null) => void;
