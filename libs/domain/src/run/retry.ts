import type { TaskDefinition } from '../dag/definition.ts';
import type { RetryVerdict } from './command.ts';
import type { Failure, FailureCode } from './event.ts';

const DEFAULT_RETRY_DELAY_MS = 300_000;
const DEFAULT_MAX_RETRY_DELAY_MS = 86_400_000;

/** Whether another try can end otherwise. What the code or a person has settled is not tried again. */
const RETRYABLE: Readonly<Record<FailureCode, boolean>> = {
  error: true,
  timeout: true,
  exit_code: true,
  killed: true,
  out_of_memory: true,
  worker_lost: true,
  code_missing: true,
  bad_output: true,
  map_too_long: true,
  map_not_a_list: true,
  no_retry: false,
  sensor_timeout: false,
  bad_input: false,
  bad_branch: false,
  not_supported: false,
  cancelled: false,
};

/** What the policy's rules say of a failure on which the task's own process said nothing; the first that names its code. */
const verdictByCode = ({ retryRules }: TaskDefinition, { code }: Failure): RetryVerdict | undefined => retryRules?.find((rule) => rule.code === code);

/** When the try after a failed one is due; null: the failed one was the last. The author's policy can shorten the series, never lengthen it. */
export function retryAtMs(task: TaskDefinition, tries: { readonly tryNumber: number; readonly maxTries: number }, failure: Failure, said: RetryVerdict | undefined, nowMs: number): number | null {
  const verdict = said ?? verdictByCode(task, failure);
  if (!RETRYABLE[failure.code] || verdict?.action === 'fail' || tries.tryNumber > tries.maxTries) return null;
  return nowMs + ((verdict?.action === 'retry' ? verdict.delayMs : undefined) ?? retryDelayMs(task, tries.tryNumber));
}

function retryDelayMs(task: TaskDefinition, tryNumber: number): number {
  const delayMs = task.retryDelayMs ?? DEFAULT_RETRY_DELAY_MS;
  if (task.retryBackoff === undefined || task.retryBackoff === 0) return delayMs;
  return Math.min(delayMs * task.retryBackoff ** (tryNumber - 1), task.maxRetryDelayMs ?? DEFAULT_MAX_RETRY_DELAY_MS);
}
