import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { getBundles, syncBundle, type BundleResponse } from '@dagbook/api-client';
import type { Api } from '../api/client.ts';
import { CliFailure } from '../failure.ts';
import { printRows, type Shape } from '../format/print.ts';
import type { Session } from '../session.ts';

const BUNDLE: Shape<BundleResponse> = {
  id: (bundle) => bundle.bundle_name,
  columns: {
    bundle: (bundle) => bundle.bundle_name,
    kind: (bundle) => bundle.kind,
    location: (bundle) => bundle.location,
    ref: (bundle) => bundle.ref,
    version: (bundle) => bundle.version?.slice(0, 12),
    synced: (bundle) => bundle.last_synced,
    problem: (bundle) => bundle.problem,
  },
};

const LOOK_EVERY_MS = 250;
const PATIENCE_MS = 90_000;

export function addBundleCommands(program: Command, session: Session): void {
  const bundles = program.command('bundles').description('where DAG files come from: folders, git repositories, S3');
  bundles.command('list').description('all of them, with their version and what is wrong').action(async () => {
    const { client } = await session.api();
    printRows(session.terminal, session.format, (await getBundles({ client })).bundles, BUNDLE);
  });
  bundles.command('sync')
    .argument('[bundle]', 'default: every one that is fetched')
    .description('look at the source now, and wait for the outcome')
    .action((name: string | undefined) => sync(session, name));
}

async function sync(session: Session, name: string | undefined): Promise<void> {
  const { terminal, format } = session;
  const api = await session.api();
  const before = (await getBundles({ client: api.client })).bundles.filter((bundle) => (name === undefined ? bundle.kind !== 'folder' : bundle.bundle_name === name));
  if (name !== undefined && before.length === 0) throw new CliFailure('notFound', `There is no bundle ${name}.`, 'dagbook bundles list shows them.');
  const folder = before.find(({ kind }) => kind === 'folder');
  if (folder !== undefined) throw new CliFailure('usage', `The bundle ${folder.bundle_name} is a folder, which is watched: there is nothing to fetch.`);
  const after = await Promise.all(before.map((bundle) => synced(api, bundle, terminal.signal)));
  printRows(terminal, format, after, BUNDLE);
  const failed = after.find(({ problem }) => problem !== null);
  if (failed !== undefined) throw new CliFailure('failed', failed.problem ?? '');
}

async function synced({ client }: Api, before: BundleResponse, signal: AbortSignal): Promise<BundleResponse> {
  await syncBundle({ client, path: { bundle_name: before.bundle_name } });
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += LOOK_EVERY_MS) {
    const now = (await getBundles({ client })).bundles.find(({ bundle_name: name }) => name === before.bundle_name);
    if (now !== undefined && now.last_checked !== before.last_checked) return now;
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
  throw new CliFailure('unreachable', `No scheduler has looked at ${before.bundle_name} within ${PATIENCE_MS / 1_000} s.`, 'Check that one runs; it will look when it does.');
}
