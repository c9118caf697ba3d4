import { describe, expect, it } from 'vitest';
import { TaskFailure } from './error.ts';
import { retryVerdict, type RetryRule } from './retry-policy.ts';

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
    ['the class itself, which is left to the task', new HttpError(500, 'timed out'), undefined],
    ['a pattern', new Error('the read timed out'), { action: 'retry', delayMs: 10_000 }],
    ['a pattern, however often it is asked', 'timed out', { action: 'retry', delayMs: 10_000 }],
    ['a failure code', new TaskFailure('exit_code', 'exit 3'), { action: 'fail' }],
    ['what is left', new Error('anything'), { action: 'fail' }],
    ['nothing, when what was thrown is no error', 17, undefined],
  ])('decides by %s', (_, error, verdict) => {
    expect(retryVerdict(rules, error)).toEqual(verdict);
    expect(retryVerdict(rules, error)).toEqual(verdict);
  });

  it('takes subclasses for what they are, unless the class is meant exactly', () => {
    expect(retryVerdict([{ on: HttpError, action: 'fail' }], new TooManyRequests(429, ''))).toEqual({ action: 'fail' });
    expect(retryVerdict([{ on: HttpError, exact: true, action: 'fail' }], new TooManyRequests(429, ''))).toBeUndefined();
  });
});
