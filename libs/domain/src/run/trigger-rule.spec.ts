import { describe, expect, test } from 'vitest';
import type { TriggerRule } from '../dag/definition.ts';
import { judgeIndirectSetups, judgeRule, newCounts, type UpstreamCounts, type Verdict } from './trigger-rule.ts';

/** `S` success, `F` failed, `U` upstream_failed, `K` skipped, `R` removed, `-` unfinished; lower case: the same of a setup. */
function upstream(states: string): UpstreamCounts {
  const counts = newCounts(states.length, [...states].filter((letter) => /[a-z]/.test(letter)).length);
  for (const letter of states) {
    const state = ({ S: 'success', F: 'failed', U: 'upstream_failed', K: 'skipped', R: 'removed' } as const)[letter.toUpperCase()];
    if (state === undefined) continue;
    counts[state] += 1;
    if (letter === 's') counts.setupsSucceeded += 1;
    if (letter === 'k') counts.setupsSkipped += 1;
  }
  return counts;
}

/** Airflow 3.3's rules, each with what it sets at once, what it waits for and when it runs. */
const TABLE: Readonly<Record<TriggerRule, Readonly<Record<string, Verdict>>>> = {
  all_success: { SS: 'run', 'S-': 'wait', 'F-': 'upstream_failed', 'U-': 'upstream_failed', 'K-': 'skipped', KF: 'upstream_failed', SR: 'run', 'SR-': 'wait' },
  all_failed: { FU: 'run', 'F-': 'wait', 'S-': 'skipped', 'K-': 'skipped', FS: 'skipped' },
  all_done: { SFUK: 'run', 'SFK-': 'wait' },
  all_done_min_one_success: { SF: 'run', 'S-': 'wait', 'K-': 'skipped', SK: 'skipped', FU: 'upstream_failed', 'FU-': 'wait' },
  all_done_setup_success: { sF: 'run', 's-': 'wait', FU: 'run', fS: 'upstream_failed', uS: 'upstream_failed', kS: 'skipped', 'k-': 'wait', ksF: 'run', kfS: 'upstream_failed', kkS: 'skipped' },
  one_success: { 'S-': 'run', '--': 'wait', 'F-': 'wait', FK: 'upstream_failed', KK: 'skipped', FU: 'upstream_failed' },
  one_failed: { 'F-': 'run', 'U-': 'run', 'S-': 'wait', SK: 'skipped' },
  one_done: { 'S-': 'run', 'F-': 'run', 'U-': 'wait', 'K-': 'wait', UK: 'skipped' },
  none_failed: { SK: 'run', KK: 'run', 'S-': 'wait', 'F-': 'upstream_failed', 'U-': 'upstream_failed' },
  none_failed_min_one_success: { SK: 'run', KK: 'skipped', 'K-': 'wait', 'F-': 'upstream_failed', KU: 'upstream_failed' },
  none_skipped: { SF: 'run', FU: 'run', 'S-': 'wait', 'K-': 'skipped' },
  all_skipped: { KK: 'run', 'K-': 'wait', 'S-': 'skipped', 'F-': 'skipped', 'U-': 'skipped' },
  always: { '--': 'run', FU: 'run' },
};

describe.each(Object.entries(TABLE))('%s', (rule, rows) => {
  test.each(Object.entries(rows))('of %s: %s', (states, verdict) => {
    expect(judgeRule(rule as TriggerRule, upstream(states), -1)).toBe(verdict);
  });

  test('without upstream runs', () => {
    expect(judgeRule(rule as TriggerRule, newCounts(0, 0), -1)).toBe('run');
  });
});

test('a mapped instance beyond what its shrunken upstream has is removed', () => {
  expect([0, 1, 2].map((mapIndex) => judgeRule('all_success', upstream('SRR'), mapIndex))).toEqual(['run', 'removed', 'removed']);
});

test.each([['SS', 'run'], ['S-', 'wait'], ['F-', 'upstream_failed'], ['K-', 'skipped'], ['KU', 'upstream_failed'], ['', 'run']])('indirect setups %s: %s', (states, verdict) => {
  expect(judgeIndirectSetups(upstream(states))).toBe(verdict);
});
