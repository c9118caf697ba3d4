import { expect, it } from 'vitest';
import { dag, label, serialize } from './index.ts';

const labelsOf = (d: Parameters<typeof serialize>[0]) => Object.fromEntries(serialize(d).tasks.flatMap(({ taskId, edgeLabels }) => (edgeLabels === undefined ? [] : [[taskId, edgeLabels]])));

it('names the edges where it stands: after, before, from it, and as a case of a branch', () => {
  const d = dag('labels');
  const check = d.task('check', async (): Promise<'ok' | 'bad'> => 'ok')();
  const [save, mail, report, plain] = ['save', 'mail', 'report', 'plain'].map((id) => d.empty(id));
  d.branch(check, { ok: label('No errors', save!), bad: [label('Errors found', mail!)] });
  save!.before(label('saved', report!));
  report!.after(label('told', mail!));
  label('from it', check).before(plain!);
  expect(labelsOf(d)).toEqual({ save: { check: 'No errors' }, mail: { check: 'Errors found' }, report: { save: 'saved', mail: 'told' }, plain: { check: 'from it' } });
  expect(serialize(d).tasks.find(({ taskId }) => taskId === 'check')?.branchTargets).toEqual(['save', 'mail', 'plain']);
});

it('names each edge that an edge of a group comes to', () => {
  const d = dag('labels');
  const group = d.group('g');
  const [first, second] = [group.empty('first'), group.empty('second')];
  group.after(label('both', d.empty('start')));
  d.empty('end').after(label('done', group));
  expect([first.id, second.id]).toEqual(['g.first', 'g.second']);
  expect(labelsOf(d)).toEqual({ 'g.first': { start: 'both' }, 'g.second': { start: 'both' }, end: { 'g.first': 'done', 'g.second': 'done' } });
});

it.each(['', 'x'.repeat(251)])('refuses a label that no graph can show', (text) => {
  const d = dag('labels');
  expect(() => label(text, d.empty('a'))).toThrow('a label has 1 to 250 characters');
});
