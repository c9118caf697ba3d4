import type { Loop } from '@dagbook/platform';
import type { Call, CallAnswer, RunnerEnd, RunnerTask } from './runner-protocol.ts';
import { RunnerProcess, type RunnerOptions } from './runner-process.ts';

export interface AsideOptions extends RunnerOptions {
  onSpawn(runner: RunnerProcess): void;
  onGone(runner: RunnerProcess): void;
}

export interface AsideListener {
  onLine(line: string): void;
  onCall(call: Call): Promise<CallAnswer>;
  /** To be ended when what it is for is over. */
  onSpawn(runner: RunnerProcess): void;
}

/** Runs code of Dagbook's own, which is nobody's attempt, in a runner of its own; undefined: the process died. */
export async function runAside(options: AsideOptions, task: Pick<RunnerTask, 'bundlePath' | 'files'> & { readonly dagId: string; readonly taskId: string }, listener: AsideListener): Promise<RunnerEnd | undefined> {
  const { dagId, taskId, ...rest } = task;
  const given: RunnerTask = {
    ...rest, attemptId: `${dagId}/aside/${taskId}/-1/1`, epoch: 1,
    work: { bundleHash: dagId, maxTries: 1, run: { runType: 'manual', logicalDateMs: null, dataInterval: null, runAfterMs: 0, conf: {}, params: {} }, results: {} },
  };
  const ended = Promise.withResolvers<RunnerEnd | undefined>();
  const say = (text: string): void => {
    for (const line of text.split('\n').filter((each) => each !== '')) listener.onLine(eventOf(line));
  };
  let hasBegun = false;
  const runner = new RunnerProcess(options, (idle) => {
    // It is idle again when the code has ended, before it is told to go.
    if (hasBegun) return;
    hasBegun = true;
    idle.run(given, {
      onLog: say, onStdio: (_, line) => say(line), onSensor: () => undefined, onSecrets: () => undefined, mask: () => undefined,
      onCall: (call) => listener.onCall(call), onEnd: (end) => ended.resolve(end), onDeath: () => ended.resolve(undefined),
    });
  });
  listener.onSpawn(runner);
  options.onSpawn(runner);
  void runner.gone.then(() => {
    ended.resolve(undefined);
    options.onGone(runner);
  });
  const end = await ended.promise;
  await runner.terminate(0);
  return end;
}

export type AsideLoop = Loop & { close(): Promise<void> };

/** Closing it ends what runs aside too: that is half done then, and thrown away. */
export const closedWith = (loop: Loop, running: () => RunnerProcess | undefined): AsideLoop => ({
  start: () => loop.start(),
  stop: () => loop.stop(),
  runOnce: () => loop.runOnce(),
  close: async () => {
    const stopped = loop.stop();
    await running()?.terminate(0);
    await stopped;
  },
});

/** Lines of a task's log are JSON; what reached the real stdout is not. */
function eventOf(line: string): string {
  try {
    return (JSON.parse(line) as { readonly event: string }).event;
  } catch {
    return line;
  }
}
