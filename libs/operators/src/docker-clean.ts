import type { OperatorContext, OperatorExecutor } from '@dagbook/sdk';
import { type Engine, engineFailure, engineOf, engineSays, statusOf } from './docker-engine.ts';
import { Fields } from './field.ts';

const DAY_MS = 86_400_000;

interface Wanted {
  readonly labels: readonly string[];
  readonly beforeMs: number;
  readonly dryRun: boolean;
}

/** Removes stopped containers and images without a name, each named in the log; what is gone, in use or kept from tasks is passed over. */
export const dockerClean: OperatorExecutor = async (given, context) => {
  const fields = new Fields('dockerClean', given);
  const wanted: Wanted = {
    labels: fields.texts('labels'), beforeMs: context.io.nowMs() - fields.durationMs('olderThan', DAY_MS), dryRun: fields.flag('dryRun', false),
  };
  const cleansContainers = fields.flag('containers', true);
  const cleansImages = fields.flag('images', false);
  const engine = await engineOf(fields, context);
  try {
    const containers = cleansContainers ? await cleanContainers(engine, wanted, context) : [];
    const { images, freedBytes } = cleansImages ? await cleanImages(engine, wanted, context) : { images: [], freedBytes: 0 };
    return { containers, images, freedBytes };
  } catch (cause) {
    throw engineFailure('cleaning', engine, cause);
  }
};

async function cleanContainers({ docker }: Engine, { labels, beforeMs, dryRun }: Wanted, context: OperatorContext): Promise<string[]> {
  const cleaned: string[] = [];
  for (const { Id, Created } of await docker.listContainers({ all: true, filters: { status: ['created', 'exited', 'dead'], label: [...labels] } })) {
    const container = docker.getContainer(Id);
    try {
      const { Name, State } = await container.inspect();
      // One that never ran has a date of year 1.
      if (Math.max(Date.parse(State.FinishedAt), Created * 1000) >= beforeMs) continue;
      const name = Name.slice(1);
      if (!dryRun) await container.remove({ v: true });
      say(context, dryRun, `container ${name}`);
      cleaned.push(name);
    } catch (cause) {
      if (!isPassedOver(cause, context)) throw cause;
    }
  }
  return cleaned.sort();
}

async function cleanImages({ docker }: Engine, { labels, beforeMs, dryRun }: Wanted, context: OperatorContext): Promise<{ images: string[]; freedBytes: number }> {
  const images: string[] = [];
  let freedBytes = 0;
  for (const { Id, Created, Size } of await docker.listImages({ filters: { dangling: ['true'], label: [...labels] } })) {
    if (Created * 1000 >= beforeMs) continue;
    try {
      if (!dryRun) await docker.getImage(Id).remove();
      say(context, dryRun, `image ${Id}`);
      images.push(Id);
      freedBytes += Size;
    } catch (cause) {
      if (!isPassedOver(cause, context)) throw cause;
    }
  }
  return { images: images.sort(), freedBytes };
}

function isPassedOver(cause: unknown, context: OperatorContext): boolean {
  const status = statusOf(cause);
  // What a policy in front of the engine keeps from tasks, Dagbook's own for one, is no reason to leave the rest.
  if (status === 403) context.io.log('info', `passed over: ${engineSays(cause)}`, { logger: 'task.docker' });
  return status === 403 || status === 404 || status === 409;
}

const say = (context: OperatorContext, dryRun: boolean, what: string): void => context.io.log('info', `${dryRun ? 'would remove' : 'removed'} ${what}`, { logger: 'task.docker' });
