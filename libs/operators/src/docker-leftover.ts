import { existsSync } from 'node:fs';
import type { OperatorContext } from '@dagbook/sdk';
import { type Engine, engineFailure, hostEngine, OWN_SOCKET, statusOf } from './docker-engine.ts';

/** Of a process that runs tasks: its worker's part up to the first `-`. It dies with its worker; its containers do not. */
const RUNNER = 'DAGBOOK_RUNNER';
const TRY = 'dagbook.try';
const EPOCH = 'dagbook.epoch';
const ENGINE_PATIENCE_MS = 10_000;

/** By which a container is known as a task instance's, whichever execution of it. */
function instanceLabels(context: OperatorContext): { readonly [name: string]: string } {
  const { dagId, runId, taskId, mapIndex } = context.request.attempt;
  return { 'dagbook.cluster': process.env['DAGBOOK_CLUSTER'] ?? 'default', 'dagbook.dag': dagId, 'dagbook.run': runId, 'dagbook.task': taskId, 'dagbook.map_index': String(mapIndex) };
}

export function containerLabels(context: OperatorContext): { readonly [name: string]: string } {
  const runner = process.env[RUNNER];
  return {
    ...instanceLabels(context), [TRY]: String(context.request.attempt.tryNumber), [EPOCH]: String(context.request.epoch ?? 1),
    ...(runner === undefined ? {} : { 'dagbook.runner': runner, 'dagbook.worker': runner.split('-')[0] as string }),
  };
}

/** Of executions before this one, whose process died: nothing they would say is listened to. */
export async function removeLeftovers(engine: Engine, context: OperatorContext): Promise<void> {
  const { tryNumber } = context.request.attempt;
  const filters = { label: Object.entries(instanceLabels(context)).map(([name, value]) => `${name}=${value}`) };
  const isOlder = (labels: { readonly [name: string]: string }): boolean =>
    Number(labels[TRY]) < tryNumber || (Number(labels[TRY]) === tryNumber && Number(labels[EPOCH]) < (context.request.epoch ?? 1));
  try {
    for (const { Id, Labels } of await engine.docker.listContainers({ all: true, filters })) {
      if (!isOlder(Labels)) continue;
      context.io.log('warning', `removing container ${Id.slice(0, 12)}, which an earlier execution of this task left behind`, { logger: 'task.docker' });
      await removed(engine, Id);
    }
  } catch (cause) {
    throw engineFailure('looking for containers of earlier executions', engine, cause);
  }
}

/** Of a worker; those of its runners that are alive are none of a leftover. */
interface WorkerContainers {
  readonly worker: string;
  readonly isAlive?: (runner: string) => boolean;
}

/**
 * Removes what tasks of a worker, or of one of its runners, left on the host's own engine when they could not do it
 * themselves; answers the ids. An engine that is not there or does not answer has nothing that could be removed now: the
 * next execution of the task does it.
 */
export async function removeContainersOf(owner: WorkerContainers | { readonly runner: string }): Promise<readonly string[]> {
  if (process.env['DOCKER_HOST'] === undefined && !existsSync(OWN_SOCKET.slice('unix://'.length))) return [];
  const engine = await hostEngine({ timeout: ENGINE_PATIENCE_MS });
  const label = 'worker' in owner ? `dagbook.worker=${owner.worker}` : `dagbook.runner=${owner.runner}`;
  const ids: string[] = [];
  try {
    for (const { Id, Labels } of await engine.docker.listContainers({ all: true, filters: { label: [label] } })) {
      if ('worker' in owner && owner.isAlive?.(Labels['dagbook.runner'] ?? '') === true) continue;
      await removed(engine, Id);
      ids.push(Id);
    }
  } catch {
    // What was removed so far counts.
  }
  return ids;
}

/** Gone already, or being removed by someone else, is as good. */
async function removed(engine: Engine, id: string): Promise<void> {
  try {
    await engine.docker.getContainer(id).remove({ force: true, v: true });
  } catch (cause) {
    if (statusOf(cause) !== 404 && statusOf(cause) !== 409) throw cause;
  }
}
