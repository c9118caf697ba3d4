import { setTimeout as sleep } from 'node:timers/promises';
import { drainWorker, getQueues, getWorkers, undrainWorker, type QueueResponse, type WorkerResponse } from '@dagbook/api-client';
import type { Command } from 'commander';
import { settled } from '../api/client.ts';
import { printOne, printRows, type Shape } from '../format/print.ts';
import type { Session } from '../session.ts';

const WORKER: Shape<WorkerResponse> = {
  id: (worker) => worker.worker_name,
  columns: {
    worker: (worker) => worker.worker_name,
    state: (worker) => worker.state,
    queues: (worker) => worker.queues,
    running: (worker) => `${worker.running} of ${worker.slots}`,
    callbacks: (worker) => worker.callbacks,
    deferred: (worker) => worker.deferred,
    'drained by': (worker) => worker.drained_by,
    host: (worker) => worker.hostname,
    version: (worker) => worker.version,
    'last heard': (worker) => worker.last_heard,
  },
};

const QUEUE: Shape<QueueResponse> = {
  id: (queue) => queue.queue,
  columns: {
    queue: (queue) => queue.queue,
    workers: (queue) => (queue.workers.length === 0 ? 'none' : queue.workers),
    running: (queue) => `${queue.running} of ${queue.slots}`,
    waiting: (queue) => queue.waiting,
    dags: (queue) => queue.dags,
  },
};

const LOOK_EVERY_MS = 500;

export function addWorkerCommands(program: Command, session: Session): void {
  const workers = program.command('workers').description('who runs tasks');
  workers.command('list').description('all that are heard, or drained').action(async () => {
    const { client } = await session.api();
    printRows(session.terminal, session.format, (await getWorkers({ client })).workers, WORKER);
  });
  workers.command('drain')
    .argument('<worker>')
    .option('--wait', 'until it runs nothing any more', false)
    .description('let it finish what it runs and give it nothing more, until undrain; a new start changes nothing about it')
    .action(async (name: string, { wait }: { wait: boolean }) => {
      const { client } = await session.api();
      let worker = settled(await drainWorker({ client, path: { worker_name: name } }));
      while (wait && worker.running + worker.callbacks > 0) {
        await sleep(LOOK_EVERY_MS, undefined, { signal: session.terminal.signal });
        worker = (await getWorkers({ client })).workers.find((one) => one.worker_name === name) ?? { ...worker, running: 0, callbacks: 0 };
      }
      printOne(session.terminal, session.format, worker, WORKER);
    });
  workers.command('undrain').argument('<worker>').description('give it tasks again').action(async (name: string) => {
    const { client } = await session.api();
    printOne(session.terminal, session.format, settled(await undrainWorker({ client, path: { worker_name: name } })), WORKER);
  });

  program.command('queues').description('what workers serve and tasks name').command('list')
    .description('all of them, who serves them and how many tasks wait')
    .action(async () => {
      const { client } = await session.api();
      printRows(session.terminal, session.format, (await getQueues({ client })).queues, QUEUE);
    });
}
