// Pages are fetched four at a time, and after each batch the task keeps how far it has come; a try that is lost half way costs a batch, not all.
import { setTimeout as sleep } from 'node:timers/promises';
import { dag } from '@dagbook/sdk';

const PAGES = Array.from({ length: 12 }, (_, index) => index + 1);
const BATCH_SIZE = 4;
/** Of the first try. */
const CRASH_AFTER = 6;

async function fetchPage(page: number): Promise<number> {
  await sleep(200);
  return page * 100;
}

const d = dag('example_task_state_store_async', { startDate: '2026-01-01', tags: ['example', 'task-state-store'] });
d.task('ingest_pages', async (_, { taskState, tryNumber, log }) => {
  // One key for both, so that a write cannot leave them at odds.
  const progress = await taskState.get('progress', { done: [] as number[], rows: 0 });
  const done = [...progress.done];
  let { rows } = progress;
  log.info(done.length > 0 ? `${done.length} of ${PAGES.length} pages are there already` : `${PAGES.length} pages to fetch`);
  const remaining = PAGES.filter((page) => !done.includes(page));
  for (let start = 0; start < remaining.length; start += BATCH_SIZE) {
    const batch = remaining.slice(start, start + BATCH_SIZE);
    for (const count of await Promise.all(batch.map(fetchPage))) rows += count;
    done.push(...batch);
    await taskState.set('progress', { done, rows }, { retention: 'never' });
    if (tryNumber === 1 && done.length >= CRASH_AFTER) throw new Error(`Staged loss after ${done.length} pages. The next try goes on from there.`);
  }
  return { pages: done.length, rows };
}, { retries: 2, retryDelay: '5s' })();

export default d;
