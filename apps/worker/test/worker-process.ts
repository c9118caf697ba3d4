import { createWriteStream } from 'node:fs';
import { MemoryBroker, type OutgoingMessage } from '@dagbook/messaging';
import { silentLog, systemClock } from '@dagbook/platform';
import { startWorker } from '../src/service.ts';
import type { WorkerOptions } from '../src/worker-options.ts';
import { assignmentTopic, type AttemptAssigned, type PackedBundle } from '@dagbook/contracts';

/**
 * A worker in a process of its own, for tests that kill it. It is handed its options, code and assignments by its
 * argument; what it publishes comes out as lines of JSON on fd 3.
 */
const { options, bundle, assignments } = JSON.parse(process.argv[2] as string) as {
  options: WorkerOptions;
  bundle: PackedBundle;
  assignments: readonly AttemptAssigned[];
};
const out = createWriteStream('', { fd: 3 });
const broker = new MemoryBroker();
const others = broker.publisher();
broker.publisher = () => ({
  publish: async (messages: readonly OutgoingMessage[]) => {
    for (const message of messages) out.write(`${JSON.stringify(message)}\n`);
  },
});
const refuse = async (): Promise<never> => {
  throw new Error('not part of this test');
};
await startWorker({
  broker,
  executionApi: { bundle: async () => bundle, bundleFiles: async () => null, filesInUse: async () => [], connectionTest: async () => ({ enabled: false }), getResult: refuse, putResult: refuse, putLargeResult: refuse, getLargeResult: () => (async function* () { yield await refuse(); })(), connection: refuse, variable: refuse, xcom: refuse, previousSuccess: refuse, assetEvents: refuse, putRenderedFields: refuse, requestRun: refuse, findRun: refuse, state: refuse },
  options,
  clock: systemClock,
  log: silentLog,
});
await others.publish(assignments.map((data) => ({ topic: assignmentTopic(options.slotName).name, key: data.attemptId, type: 'AttemptAssigned', data })));
