import { join } from 'node:path';
import { type BundleConfig, type BundleScannerOptions, claimFolder, DEFAULT_BUNDLE, GitFiles, S3Files, withoutSecret } from '@dagbook/bundles';
import type { BundleStore } from '@dagbook/event-store';
import type { AlarmClock, Log } from '@dagbook/platform';
import type { BundleChange, DagBundleSource, ParsedFile } from './bundle-intake.ts';
import { folderBundles } from './folder-bundles.ts';
import { syncedBundles } from './synced-bundles.ts';

export interface BundleSourcesOptions {
  readonly bundles: readonly BundleConfig[];
  /** What is fetched is kept below it, across restarts. */
  readonly stateDir: string;
  readonly scanning: Omit<BundleScannerOptions, 'folder'> & { readonly timezone: string };
  readonly states: BundleStore;
  readonly clock: AlarmClock;
  readonly log: Log;
}

/** All bundles of the configuration as one source. */
export function bundleSources(given: BundleSourcesOptions): DagBundleSource {
  const { bundles, states, stateDir, log } = given;
  const packages = { folder: join(stateDir, 'packages'), say: (line: string) => log.info(line) };
  const options = { ...given, scanning: { packages, ...given.scanning } };
  const sources = new Map(bundles.map((bundle) => [bundle.name, sourceOf(bundle, options)]));
  const only = bundles.length === 1 ? sources.get(DEFAULT_BUNDLE) : undefined;
  const all = only ?? joined(sources);
  return {
    start: async (onChange) => {
      await states.keepOnly(bundles.map(({ name }) => name));
      await all.start(onChange);
    },
    stop: () => all.stop(),
    askTimetable: all.askTimetable,
  };
}

function sourceOf(bundle: BundleConfig, { stateDir, scanning, states, clock, log }: BundleSourcesOptions): DagBundleSource {
  const { name, kind } = bundle;
  if (bundle.kind === 'folder') {
    const source = folderBundles({ folder: bundle.path, ...scanning, log });
    return {
      start: async (onChange) => {
        await states.save({ name, kind, location: bundle.path, ref: null, version: null, syncedAtMs: null, checkedAtMs: null, problem: null });
        await source.start(onChange);
      },
      stop: () => source.stop(),
      askTimetable: source.askTimetable,
    };
  }
  const cache = claimFolder(join(stateDir, 'bundles', name));
  const common = { pollMs: bundle.pollMs, scanning, states, clock, log };
  const source = bundle.kind === 'git'
    ? syncedBundles({ ...common, bundle: { name, kind, location: withoutSecret(bundle.url), ref: bundle.ref }, files: new GitFiles(bundle, cache.folder) })
    : syncedBundles({ ...common, bundle: { name, kind, location: `s3://${bundle.bucket}/${bundle.prefix}`, ref: null }, files: new S3Files(bundle, cache.folder) });
  return { start: (onChange) => source.start(onChange), stop: () => source.stop().finally(() => cache.release()), askTimetable: source.askTimetable };
}

/**
 * Several bundles as one: a file is known by its bundle's name and its path, but for those of the default bundle. A DAG belongs
 * to the bundle that had it first; another that defines it fails with `duplicate_dag` until that one lets go. Everything has been
 * read when each bundle has: one that was never reached keeps what no file defines from being retired.
 */
function joined(sources: ReadonlyMap<string, DagBundleSource>): DagBundleSource {
  const owners = new Map<string, string>();
  const withheld = new Map<string, ParsedFile>();
  const complete = new Set<string>();
  let turn: Promise<void> = Promise.resolve();

  const place = (bundle: string, file: string): string => (bundle === DEFAULT_BUNDLE ? file : `${bundle}/${file}`);
  const release = (file: string): void => {
    for (const [dagId, owner] of owners) if (owner === file) owners.delete(dagId);
    withheld.delete(file);
  };
  const duplicateOf = ({ file, definitions }: ParsedFile): { readonly dagId: string; readonly owner: string } | undefined => {
    for (const { definition: { dagId } } of definitions) {
      const owner = owners.get(dagId);
      if (owner !== undefined && owner !== file) return { dagId, owner };
    }
    return undefined;
  };
  const merged = (bundle: string, change: BundleChange): BundleChange => {
    const parsed: ParsedFile[] = [];
    const failed = change.failed.map((one) => ({ ...one, file: place(bundle, one.file) }));
    const removed = change.removed.map((file) => place(bundle, file));
    removed.forEach(release);
    const take = (one: ParsedFile): void => {
      release(one.file);
      const duplicate = duplicateOf(one);
      if (duplicate === undefined) {
        for (const { definition } of one.definitions) owners.set(definition.dagId, one.file);
        parsed.push(one);
        return;
      }
      withheld.set(one.file, one);
      failed.push({ file: one.file, error: { code: 'duplicate_dag', message: `${one.file} defines the DAG '${duplicate.dagId}', which ${duplicate.owner} has already. Each DAG has an id of its own: rename one, or remove the other file.` } });
    };
    for (const one of change.parsed) take({ ...one, file: place(bundle, one.file) });
    for (const one of [...withheld.values()]) if (duplicateOf(one) === undefined) take(one);
    if (change.complete === true) complete.add(bundle);
    return { parsed, failed, removed, complete: complete.size === sources.size };
  };
  return {
    start: async (onChange) => {
      for (const [bundle, source] of sources) {
        await source.start((change) => {
          const taken = turn.then(() => onChange(merged(bundle, change)));
          turn = taken.catch(() => undefined);
          return taken;
        });
      }
    },
    stop: async () => {
      await Promise.all([...sources.values()].map((source) => source.stop()));
      await turn;
    },
    // Any of them could evaluate the code; its own knows the files beside it.
    askTimetable: (bundle, dagId, question) => {
      const own = [...sources].find(([name]) => owners.get(dagId) === place(name, bundle.file))?.[1];
      return (own ?? ([...sources.values()][0] as DagBundleSource)).askTimetable(bundle, dagId, question);
    },
  };
}
