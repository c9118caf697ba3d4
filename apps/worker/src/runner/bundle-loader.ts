import { pathToFileURL } from 'node:url';
import { type RunnableDag, runnablesOf } from '@dagbook/sdk';

/** As when the parser read the DAGs: those that name no zone are of the site's. */
export const SITE = { timezone: process.env['DAGBOOK_DEFAULT_TIMEZONE'] ?? 'UTC' } as const;

/** DAGs by id, of the bundles that this process has evaluated. Modules cannot be unloaded: the pool replaces the process. */
export class BundleLoader {
  readonly #loaded = new Map<string, Promise<ReadonlyMap<string, LoadedDag>> | ReadonlyMap<string, LoadedDag>>();

  /** The DAG, without a promise when its code is loaded. Rejects with what evaluating the code threw. */
  load(path: string, dagId: string): LoadedDag | undefined | Promise<LoadedDag | undefined> {
    const known = this.#loaded.get(path);
    if (known instanceof Map) return known.get(dagId);
    const loading = (known as Promise<ReadonlyMap<string, LoadedDag>> | undefined) ?? this.#evaluate(path);
    return loading.then((dags) => dags.get(dagId));
  }

  #evaluate(path: string): Promise<ReadonlyMap<string, LoadedDag>> {
    const loading = import(pathToFileURL(path).href).then((module: object) => {
      const dags = new Map(runnablesOf(module).map((runnable) => loadedDag(runnable)));
      this.#loaded.set(path, dags);
      return dags;
    });
    this.#loaded.set(path, loading);
    loading.catch(() => this.#loaded.delete(path));
    return loading;
  }
}

export interface LoadedDag {
  readonly runnable: RunnableDag;
  readonly sensors: ReadonlySet<string>;
}

function loadedDag(runnable: RunnableDag): [string, LoadedDag] {
  const definition = runnable.definition(SITE);
  const sensors = new Set(definition.tasks.filter((task) => task.kind === 'sensor').map((task) => task.taskId));
  return [definition.dagId, { runnable, sensors }];
}
