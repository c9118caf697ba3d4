// A task that submits work elsewhere keeps its id at once: the next try attaches to that work instead of submitting it again.
import { dag } from '@dagbook/sdk';

const submitJob = async (): Promise<string> => `job-${Math.random().toString(36).slice(2, 10)}`;
const pollJob = async (jobId: string) => ({ job_id: jobId, status: 'succeeded', rows_written: 100 + Math.floor(Math.random() * 9_900) });

const d = dag('example_task_state_store', { startDate: '2026-01-01', tags: ['example', 'task-state-store'] });
d.task('run_job', async (_, { taskState, tryNumber, log }) => {
  let jobId = await taskState.get<string>('job_id');
  if (jobId === undefined) {
    jobId = await submitJob();
    // Kept for ever, whatever the site's retention is: it must outlive all tries.
    await taskState.set('job_id', jobId, { retention: 'never' });
    await taskState.set('submitted_at', new Date().toISOString());
    log.info(`try ${tryNumber}: submitted job ${jobId}`);
    throw new Error(`Simulated failure after submitting ${jobId}. The next try will attach to this job.`);
  }
  log.info(`try ${tryNumber}: attaching to job ${jobId}`);
  await taskState.set('status', 'running');
  const result = await pollJob(jobId);
  await taskState.set('status', 'complete');
  await taskState.set('result', result);
  return result.rows_written;
}, { retries: 2, retryDelay: '5s' })();

export default d;
