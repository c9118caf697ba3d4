import { uiWatcherLog, uiWatchers, type WatcherResponse } from '@dagbook/api-client';
import { CliFailure } from '../failure.ts';
import { printLog, type LogLine } from '../format/log.ts';
import { printRows, type Shape } from '../format/print.ts';
import type { Session } from '../session.ts';

const WATCHER: Shape<WatcherResponse> = {
  id: (watcher) => watcher.name,
  columns: {
    watcher: (watcher) => watcher.name,
    asset: (watcher) => watcher.uri,
    worker: (watcher) => watcher.worker,
    'last seen': (watcher) => watcher.last,
    failures: (watcher) => (watcher.failures === 0 ? null : watcher.failures),
    failure: (watcher) => watcher.failure,
    'tried again': (watcher) => watcher.next_at,
  },
};

/** What watches the assets that the DAG waits for; with a name what that one wrote lately. */
export async function showWatchers(session: Session, dagId: string, name: string | undefined): Promise<void> {
  const { client } = await session.api();
  const { watchers } = await uiWatchers({ client, path: { dag_id: dagId } });
  if (name === undefined) {
    printRows(session.terminal, session.format, watchers, WATCHER);
    if (watchers.length === 0) session.terminal.err(`Nothing watches an asset for ${dagId}.\n`);
    return;
  }
  const watcher = watchers.find((one) => one.name === name || one.key === name);
  if (watcher === undefined) throw new CliFailure('notFound', `${dagId} has no watcher ${name}.`, `It has ${watchers.map((one) => one.name).join(', ') || 'none'}.`);
  const { content } = await uiWatcherLog({ client, path: { dag_id: dagId, watcher: watcher.key } });
  const count = await printLog(session.terminal, session.format, content as LogLine[]);
  if (count === 0) session.terminal.err(`${name} has written nothing yet${watcher.worker === null ? ', and no worker hosts it' : ''}.\n`);
}
