import { readFileSync } from 'node:fs';
import { forms } from '../../tools/oracle/forms.ts';
import { judge } from '../../tools/oracle/judge.ts';
import type { Verdict } from '../../tools/oracle/judge.ts';

/** What Dagbook answers to the recorded rows of a form, or to the fresh ones that were asked of Airflow afterwards. */
export function judgeRecorded(name: string, kind: 'recorded' | 'fresh' = 'recorded'): Promise<Verdict> {
  const form = forms[name];
  if (form === undefined) throw new Error(`no form ${name}`);
  return judge(form, readFileSync(new URL(`../oracles/${name}${kind === 'fresh' ? '-fresh' : ''}.jsonl`, import.meta.url), 'utf8'));
}
