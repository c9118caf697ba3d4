import { answer, approval, choose, dag, DagDefinitionError, form, type HumanResult, provideOperators, serialize } from '@dagbook/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { operators } from './registry.ts';

const quiet = { log: () => undefined };
const AT = { logicalDate: '2026-01-05T00:00:00Z' };

beforeAll(() => provideOperators(operators));
afterAll(() => provideOperators({}));

describe('approval', () => {
  const approving = (o: { failOnReject?: boolean; defaults?: 'Approve' | 'Reject'; responseTimeout?: '2h'; assignedUsers?: string[] } = {}, spec = {}) => {
    const d = dag('d');
    const ask = d.task('ask', approval({ subject: 'Ship {{ ds }}?', ...o }), spec)();
    const ship = d.task('ship', async ({ asked }: { asked: HumanResult }) => asked.responded_by_user?.id)({ asked: ask });
    return { d, ask, ship };
  };

  it('lets what follows run, or skips it', async () => {
    const { d, ask, ship } = approving();
    const approved = await d.test({ ...quiet, ...AT, answers: [answer(ask, { chosen: 'Approve', by: 'ann' })] });
    expect([approved.value(ask), approved.value(ship)]).toEqual([
      { chosen_options: ['Approve'], params_input: {}, responded_at: '2026-01-05T00:00:00.000Z', responded_by_user: { id: 'ann', name: 'ann' } }, 'ann',
    ]);
    const rejected = await d.test({ ...quiet, answers: [answer(ask, { chosen: 'Reject' })] });
    expect([rejected.state, rejected.stateOf(ask), rejected.stateOf(ship)]).toEqual(['success', 'success', 'skipped']);
  });

  it('fails for good when a rejection is to fail it', async () => {
    const { d, ask } = approving({ failOnReject: true }, { retries: 3 });
    const lines: string[] = [];
    const { state } = await d.test({ log: ({ event }) => lines.push(event), ...AT, answers: [answer(ask, { chosen: 'Reject', by: 'ann' })] });
    expect([state, lines]).toEqual(['failed', ['People are asked: Ship 2026-01-05?', 'ann answered: Reject', 'rejected by ann']]);
  });

  it('takes its default when nobody answers, and fails without one', async () => {
    const { d, ask, ship } = approving({ responseTimeout: '2h', defaults: 'Approve' });
    const result = await d.test({ ...quiet, ...AT });
    expect([result.value(ask).responded_at, result.value(ask).responded_by_user, result.stateOf(ship)]).toEqual(['2026-01-05T02:00:00.000Z', null, 'success']);
    const bare = approving({ responseTimeout: '2h' });
    const failed = await bare.d.test(quiet);
    expect([failed.stateOf(bare.ask), failed.stateOf(bare.ship)]).toEqual(['failed', 'upstream_failed']);
  });

  it('tells a test that says nothing of an answer, and one whose answer is refused', async () => {
    await expect(approving().d.test(quiet)).rejects.toThrow("'ask' waits for a person");
    const { d, ask } = approving({ assignedUsers: ['bob'] });
    await expect(d.test({ ...quiet, answers: [answer(ask, { chosen: 'Approve', by: 'ann' })] })).rejects.toThrow('ann may not answer ask[-1]: it is assigned to bob.');
  });

  it('is a short circuit, so that nothing need be written for it', () => {
    expect(serialize(approving().d).tasks[0]).toMatchObject({ taskId: 'ask', operator: 'approval', kind: 'shortCircuit' });
  });
});

it('choose is a branch', async () => {
  const d = dag('d');
  const way = d.task('way', choose({ subject: 'Where to?', options: ['left', 'right', 'both'], multiple: true }))();
  const left = d.task('left', async () => 1)();
  const right = d.task('right', async () => 2)();
  d.branch(way.get('chosen_options'), { left, right, both: [left, right] });
  const went = async (...chosen: ('left' | 'right' | 'both')[]): Promise<string[]> => {
    const result = await d.test({ ...quiet, answers: [answer(way, { chosen })] });
    return [result.stateOf(left), result.stateOf(right)];
  };
  expect([await went('left'), await went('left', 'right'), await went('both')]).toEqual([['success', 'skipped'], ['success', 'success'], ['success', 'success']]);
});

it('a form gives its values, with defaults where nothing was filled in, and refuses what does not fit', async () => {
  const d = dag('d');
  const filled = d.task('fill', form({ subject: 'How many?', params: z.object({ rows: z.int().min(1), note: z.string().default('none') }) }))();
  const rows = d.task('rows', async ({ n }: { n: number }) => n + 1)({ n: filled.get('params_input').get('rows') });
  const result = await d.test({ ...quiet, answers: [answer(filled, { chosen: 'OK', params: { rows: 4 } })] });
  expect([result.value(filled).params_input, result.value(rows)]).toEqual([{ rows: 4, note: 'none' }, 5]);
  await expect(d.test({ ...quiet, answers: [answer(filled, { chosen: 'OK', params: { rows: 0 } })] })).rejects.toThrow('params.rows');
  await expect(d.test({ ...quiet, answers: [answer(filled, { chosen: 'OK' })] })).rejects.toThrow('params.rows');
});

it.each<[string, () => unknown, string]>([
  ['an option twice', () => choose({ subject: 's', options: ['a', 'a'] }), 'options of choose()'],
  ['no option', () => choose({ subject: 's', options: [] }), 'options of choose()'],
  ['a default that is no option', () => choose({ subject: 's', options: ['a'], defaults: 'b' as never }), 'defaults of choose()'],
  ['several defaults where one is chosen', () => choose({ subject: 's', options: ['a', 'b'], defaults: ['a', 'b'] }), 'defaults of choose()'],
  ['a form that JSON Schema has no words for', () => form({ subject: 's', params: z.object({ at: z.date() }) }), 'params of form()'],
])('%s is refused where it is written', (_, declare, field) => {
  expect(declare).toThrow(DagDefinitionError);
  expect(declare).toThrow(field);
});

it('a subject that is too long fails the task at once', async () => {
  const d = dag('d');
  const ask = d.task('ask', approval({ subject: 'x'.repeat(501) }), { retries: 2 })();
  const lines: string[] = [];
  const result = await d.test({ log: ({ event }) => lines.push(event) });
  expect([result.stateOf(ask), lines.length, lines[0]?.includes('at most 500')]).toEqual(['failed', 1, true]);
});
