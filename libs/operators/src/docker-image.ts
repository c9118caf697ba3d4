import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { TaskFailure, type OperatorContext } from '@dagbook/sdk';
import type Docker from 'dockerode';
import { awsEnvironment } from './aws-credential.ts';
import { connectionOf } from './connection.ts';
import { type Engine, engineFailure, engineSays, isAway, statusOf } from './docker-engine.ts';
import type { Fields } from './field.ts';

const run = promisify(execFile);

export interface Pull {
  readonly when: 'missing' | 'always' | 'never';
  /** The id of a connection. */
  readonly registry: string | undefined;
}

export const readPull = (fields: Fields): Pull => ({
  when: fields.oneOf('pull', ['missing', 'always', 'never'], 'missing'), registry: fields.optionalText('registry', 'the id of a connection'),
});

/** Has the image on the engine when it resolves. */
export async function ensureImage(engine: Engine, image: string, pull: Pull, context: OperatorContext): Promise<void> {
  if (pull.when !== 'always' && (await isHere(engine, image))) return;
  if (pull.when === 'never') throw new TaskFailure('bad_input', `the image ${image} is not on the engine at ${engine.address}, and pull is never`, { retry: false });
  const say = (line: string): void => context.io.log('info', line, { logger: 'task.docker' });
  const authconfig = pull.registry === undefined ? undefined : await credentialsOf(pull.registry, image, context);
  say(`pulling ${image}`);
  try {
    // Without a tag the engine would pull every tag there is.
    const tagged = /[:@][^/]*$/.test(image) ? image : `${image}:latest`;
    const stream = await engine.docker.pull(tagged, authconfig === undefined ? {} : { authconfig });
    const failures: string[] = [];
    await new Promise<void>((resolve, reject) => {
      engine.docker.modem.followProgress(stream, (error: Error | null) => (error === null ? resolve() : reject(error)), ({ id, status, progress, error }: Progress) => {
        if (error !== undefined) failures.push(error);
        if (status !== undefined && (progress === undefined || progress === '')) say(id === undefined ? status : `${id}: ${status}`);
      });
    });
    // What fails after the answer has begun is an entry among the others; the client takes it for progress.
    if (failures.length > 0) throw new Error(failures.join('; '));
  } catch (cause) {
    if (isAway(cause) && !(await answers(engine))) throw engineFailure(`pulling ${image}`, engine, cause);
    const refused = [401, 403, 404].includes(statusOf(cause) ?? 0) || REFUSED_BY_REGISTRY.test(engineSays(cause));
    throw new TaskFailure(refused ? 'bad_input' : 'error', `the image ${image} could not be pulled: ${engineSays(cause)}`, { cause, retry: !refused });
  }
}

interface Progress {
  readonly id?: string;
  readonly status?: string;
  readonly progress?: string;
  readonly error?: string;
}

/** An engine hands a registry's refusal on as 500 of its own: the registry's code is nowhere but in the words. */
const REFUSED_BY_REGISTRY = /(^|[: ])(unauthorized|denied|no basic auth credentials|name unknown|manifest unknown|no matching manifest)\b/i;

async function isHere(engine: Engine, image: string): Promise<boolean> {
  try {
    await engine.docker.getImage(image).inspect();
    return true;
  } catch (cause) {
    if (statusOf(cause) === 404) return false;
    throw engineFailure(`looking for the image ${image}`, engine, cause);
  }
}

/** A pull that fails on its way is told without a status, as an engine that is away is. */
const answers = (engine: Engine): Promise<boolean> => engine.docker.ping().then(() => true, () => false);

async function credentialsOf(id: string, image: string, context: OperatorContext): Promise<Docker.AuthConfig> {
  const connection = await connectionOf(id, context, 'registry');
  const serveraddress = image.includes('/') ? (image.split('/')[0] as string) : (connection.host ?? '');
  if (connection.type !== 'aws') return { username: connection.login ?? '', password: connection.password ?? '', serveraddress };
  // ECR's tokens live twelve hours: each pull asks for its own.
  try {
    const { stdout } = await run('aws', ['ecr', 'get-authorization-token', '--output', 'json'], { env: { ...process.env, ...awsEnvironment(connection) } });
    const [answer] = (JSON.parse(stdout) as { authorizationData: { authorizationToken: string }[] }).authorizationData;
    const [username = '', password = ''] = Buffer.from(answer?.authorizationToken ?? '', 'base64').toString('utf8').split(':');
    return { username, password, serveraddress };
  } catch (cause) {
    throw new TaskFailure('error', `ECR gave no token for connection '${id}': ${((cause as { stderr?: string }).stderr ?? (cause as Error).message).trim()}`, { cause });
  }
}
