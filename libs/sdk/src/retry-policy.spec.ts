import { describe, expect, it } from 'vitest';
import { TaskFailure } from './error.ts';
import { codeRules, retryDecision, type RetryPolicy, type RetryRule, verdictOf } from './retry-policy.ts';
import type { TaskContext } from './types.ts';

/** As it travels, but that nothing fits is undefined here. */
async function verdict(policy: RetryPolicy, error: unknown) {
  const decision = await retryDecision(policy, error, { tryNumber: 1, maxTries: 3, ctx: {} as TaskContext<unknown> });
  return decision === undefined ? undefined : verdictOf(decision);
}

class HttpError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
class TooManyRequests extends HttpError {}

describe('a retry policy', () => {
  const rules: readonly RetryRule[] = [
    { on: TooManyRequests, action: 'retry', delay: '1m' },
    { on: (error) => error instanceof HttpError && error.status === 404, action: 'fail' },
    { on: HttpError, exact: true, action: 'default' },
    { on: /timed out/gi, action: 'retry', delay: '10s' },
    { on: 'exit_code', action: 'fail' },
    { on: Error, action: 'fail' },
  ];

  it.each([
    ['a class', new TooManyRequests(429, 'slow down'), { action: 'retry', delayMs: 60_000 }],
    ['a question', new HttpError(404, 'not found'), { action: 'fail' }],
    ['the class itself, which is left to the task', new HttpError(500, 'timed out'), { action: 'default' }],
    ['a pattern', new Error('the read timed out'), { action: 'retry', delayMs: 10_000 }],
    ['a pattern, however often it is asked', 'timed out', { action: 'retry', delayMs: 10_000 }],
    ['a failure code', new TaskFailure('exit_code', 'exit 3'), { action: 'fail' }],
    ['what is left', new Error('anything'), { action: 'fail' }],
    ['nothing, when what was thrown is no error', 17, undefined],
  ])('decides by %s', async (_, error, expected) => {
    expect(await verdict(rules, error)).toEqual(expected);
    expect(await verdict(rules, error)).toEqual(expected);
  });

  it('takes subclasses for what they are, unless the class is meant exactly', async () => {
    expect(await verdict([{ on: HttpError, action: 'fail' }], new TooManyRequests(429, ''))).toEqual({ action: 'fail' });
    expect(await verdict([{ on: HttpError, exact: true, action: 'fail' }], new TooManyRequests(429, ''))).toBeUndefined();
  });

  it('fits when any of a list does, in the order of the rules; a delay counts for a retry only', async () => {
    const listed: readonly RetryRule[] = [{ on: [TooManyRequests, /busy/], action: 'retry', delay: '1s' }, { on: [HttpError, 'exit_code'], action: 'fail', delay: '1s' }];
    expect([await verdict(listed, new Error('busy')), await verdict(listed, new TooManyRequests(429, '')), await verdict(listed, new HttpError(500, '')), await verdict(listed, new TaskFailure('exit_code', '3'))])
      .toEqual([{ action: 'retry', delayMs: 1_000 }, { action: 'retry', delayMs: 1_000 }, { action: 'fail' }, { action: 'fail' }]);
  });

  it('hands on what its rules say of codes, for failures that the process of the task does not live to see', () => {
    expect(codeRules([{ on: Error, action: 'fail' }, { on: ['timeout', /x/, 'killed'], action: 'fail' }, { on: 'worker_lost', action: 'retry', delay: '1s' }])).toEqual([
      { code: 'timeout', action: 'fail' }, { code: 'killed', action: 'fail' }, { code: 'worker_lost', action: 'retry', delayMs: 1_000 },
    ]);
    expect([codeRules(undefined), codeRules(() => undefined)]).toEqual([[], []]);
  });

  it('hands on nothing that would be done anyway, so that the DAG keeps its version', () => {
    expect(codeRules([{ on: 'exit_code', action: 'fail' }, { on: 'error', action: 'retry', delay: '1s' }, { on: 'timeout', action: 'default' }, { on: ['timeout', 'killed'], action: 'retry' }, { on: 'killed', action: 'fail' }])).toEqual([]);
  });
});
