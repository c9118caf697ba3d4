import type { TaskIo } from './runnable.ts';

/** By the clock of the process around the code. Rejects when the task is cancelled. */
export const pause = (io: TaskIo, ms: number): Promise<void> => (io.wait === undefined ? waited(ms, io.signal) : io.wait(ms));

function waited(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, ms);
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
  });
}
