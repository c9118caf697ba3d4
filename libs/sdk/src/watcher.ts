import { ID_PATTERN } from '@dagbook/contracts';
import type { DagDefinition, Json } from '@dagbook/domain';
import { watchersOf } from './asset.ts';
import { RunContext } from './context.ts';
import { definitionError, TaskFailure } from './error.ts';
import { outcomeOfThrown } from './execution.ts';
import type { DagModel } from './model.ts';
import { pause } from './pause.ts';
import type { TaskIo, TaskRunOutcome, TaskRunRequest } from './runnable.ts';
import { durationMs, watchedAssets } from './schedule.ts';
import { callSite, siteOf } from './site.ts';
import { assetState } from './state-store.ts';
import type { AssetWatcher, Duration, WatcherContext, WatcherUpdate } from './types.ts';

type Watch = (context: WatcherContext) => WatcherAnswer | Promise<WatcherAnswer>;
type WatcherAnswer = WatcherUpdate | readonly WatcherUpdate[] | null | undefined;

class WatcherValue implements AssetWatcher {
  readonly __watcher = true;
  readonly name: string;
  readonly everyMs: number;
  readonly watch: Watch;
  constructor(name: string, everyMs: number, watch: Watch) {
    this.name = name;
    this.everyMs = everyMs;
    this.watch = watch;
  }
}

/**
 * Looks every so often whether an asset was updated outside: answers what it saw, or nothing. It is called in a process where
 * many others wait, so it must not block it; after a new start it is called with the id of the newest update that it told of.
 */
export function watcher(name: string, watch: Watch, o: { every: Duration }): AssetWatcher {
  const refuse = (field: string, value: unknown, rule: string, remedy: string): never => { throw definitionError({ field, value, rule, remedy }, callSite()); };
  if (typeof name !== 'string' || !ID_PATTERN.test(name)) refuse('watcher', name, 'a watcher has a name of 1 to 250 letters, digits, _, - and .', 'Rename it');
  if (typeof watch !== 'function') refuse(`watcher '${name}'`, typeof watch, 'what watches is a function', 'Give it an async function that answers { id, extra }, or nothing');
  return new WatcherValue(name, durationMs(`every of watcher '${name}'`, o?.every), watch);
}

/** What watches the assets that the DAG waits for; undefined: nothing does. */
export function watcherDefinitions({ spec, dagId, mark }: DagModel): DagDefinition['watchers'] {
  const found = watchedAssets(spec.schedule).flatMap((asset) => watchersOf(asset).map((one) => ({ uri: asset.uri, name: checked(one).name })));
  const twice = found.find(({ uri, name }, index) => found.findIndex((other) => other.uri === uri && other.name === name) !== index);
  if (twice !== undefined) throw definitionError({ field: `watchers in the schedule of '${dagId}'`, value: `${twice.name} of ${twice.uri}`, rule: 'each watcher of an asset has a name of its own', remedy: 'Rename one of the two' }, siteOf(mark));
  return found.length === 0 ? undefined : found;

  function checked(one: unknown): WatcherValue {
    if (one instanceof WatcherValue) return one;
    throw definitionError({ field: `watchers in the schedule of '${dagId}'`, value: typeof one, rule: 'a watcher is made by watcher()', remedy: "Write watchers: [watcher('inbox', async () => …, { every: '10s' })]" }, siteOf(mark));
  }
}

/** Watches until there is something to tell. Nothing that the code does makes this reject. */
export async function runWatcher(dag: DagModel, request: TaskRunRequest, io: TaskIo): Promise<TaskRunOutcome> {
  const { watcher: wanted } = request.work;
  const code = watchedAssets(dag.spec.schedule).filter(({ uri }) => uri === wanted?.uri).flatMap(watchersOf).find(({ name }) => name === wanted?.name) as WatcherValue | undefined;
  if (wanted === undefined || code === undefined) return { kind: 'failed', failure: { code: 'code_missing', message: `the code of DAG '${dag.dagId}' has no such watcher` } };
  const { log, conn, variable, maskSecret, signal } = new RunContext(request, io, { params: {}, timezone: 'UTC', outlets: [] });
  const context: WatcherContext = { log, conn, variable, maskSecret, signal, uri: wanted.uri, assetState: assetState(io, wanted.uri), ...(wanted.last === undefined ? {} : { last: wanted.last }) };
  try {
    for (;;) {
      const answer = await code.watch(context);
      const updates = answer === null || answer === undefined ? [] : Array.isArray(answer) ? (answer as readonly WatcherUpdate[]) : [answer as WatcherUpdate];
      if (updates.length > 0) return { kind: 'fired', event: JSON.parse(JSON.stringify({ uri: wanted.uri, name: wanted.name, updates: updates.map(named) })) as Json };
      await pause(io, code.everyMs);
    }
  } catch (error) {
    const outcome = outcomeOfThrown(error, io.nowMs());
    return outcome.kind === 'failed' ? outcome : outcomeOfThrown(new TaskFailure('not_supported', 'a watcher can neither be skipped nor be deferred: let it answer nothing'), io.nowMs());
  }
}

/** One that tells no ids is believed: what it tells is new. */
const named = ({ id = crypto.randomUUID(), extra = {} }: WatcherUpdate): WatcherUpdate => ({ id, extra });
