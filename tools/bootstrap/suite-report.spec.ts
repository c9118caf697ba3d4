import { expect, test } from 'vitest';
import { countOf } from './suite-report.mjs';

const file = (status: string, tests: readonly string[], message = '') => ({ name: 'a.spec.ts', status, message, assertionResults: tests.map((outcome, index) => ({ fullName: `t${index}`, status: outcome, failureMessages: outcome === 'failed' ? ['why'] : [] })) });
const counted = (files: readonly object[], exitCode = 0) => countOf({ testResults: files }, exitCode);

test('what passes is counted, over all files', () => {
  expect(counted([file('passed', ['passed', 'passed']), file('passed', ['passed'])])).toEqual({ passed: 3, failed: 0, said: [] });
});

test.each(['skipped', 'pending', 'todo', 'disabled'])('a test that is %s has failed', (status) => {
  expect(counted([file('passed', ['passed', status])])).toEqual({ passed: 1, failed: 1, said: [`NOT RUN (${status}) a.spec.ts › t1`] });
});

test('a failed test is told with its reason, and once', () => {
  expect(counted([file('failed', ['failed', 'passed'])], 1)).toEqual({ passed: 1, failed: 1, said: ['FAILED a.spec.ts › t0\nwhy'] });
});

test('a file that breaks before or after its tests has failed', () => {
  expect(counted([file('failed', [], 'SyntaxError')], 1)).toEqual({ passed: 0, failed: 1, said: ['FAILED a.spec.ts\nSyntaxError'] });
  expect(counted([file('failed', ['passed'])], 1)).toEqual({ passed: 1, failed: 1, said: ['FAILED a.spec.ts\nthe file broke outside of its tests'] });
  expect(counted([file('passed', [])])).toEqual({ passed: 0, failed: 1, said: ['FAILED a.spec.ts\nholds no test'] });
});

test('a run without tests, without a report, or with an error outside of any test has failed', () => {
  expect(counted([])).toEqual({ passed: 0, failed: 1, said: ['no test was run'] });
  expect(countOf(undefined, 137)).toMatchObject({ passed: 0, failed: 1 });
  expect(counted([file('passed', ['passed'])], 1)).toMatchObject({ passed: 1, failed: 1 });
});
