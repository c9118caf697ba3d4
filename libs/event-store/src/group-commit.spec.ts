import { describe, expect, it } from 'vitest';
import { GroupCommit } from './group-commit.ts';

/** A writer whose batches end when the test says so. */
function gated(maxInFlight: number, maxWeight = 100) {
  const batches: { items: readonly number[]; finish: () => void; fail: (error: Error) => void }[] = [];
  const commit = new GroupCommit<number, string>({
    write: (items) =>
      new Promise((resolve, reject) => batches.push({ items, finish: () => resolve(items.map((item) => `done ${item}`)), fail: reject })),
    weigh: (item) => item,
    maxWeight,
    maxInFlight,
  });
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  return { commit, batches, turn };
}

describe('GroupCommit', () => {
  it('writes at once what one turn has added, and gathers the rest while that flies', async () => {
    const { commit, batches, turn } = gated(1);
    const first = [commit.add([1]), commit.add([2, 3])];
    await turn();
    expect(batches.map((batch) => batch.items)).toEqual([[1, 2, 3]]);
    const later = [commit.add([4]), commit.add([5])];
    await turn();
    expect(batches).toHaveLength(1);
    batches[0]?.finish();
    expect(await Promise.all(first)).toEqual([['done 1'], ['done 2', 'done 3']]);
    await turn();
    expect(batches.map((batch) => batch.items)).toEqual([[1, 2, 3], [4, 5]]);
    batches[1]?.finish();
    expect(await Promise.all(later)).toEqual([['done 4'], ['done 5']]);
  });

  it('has at most so many batches in flight', async () => {
    const { commit, batches, turn } = gated(2);
    for (const item of [1, 2, 3]) {
      void commit.add([item]);
      await turn();
    }
    expect(batches.map((batch) => batch.items)).toEqual([[1], [2]]);
  });

  it('closes a batch at its weight, never within a group', async () => {
    const { commit, batches, turn } = gated(3, 10);
    void commit.add([4, 4, 4]);
    void commit.add([6]);
    void commit.add([4]);
    void commit.add([1]);
    await turn();
    expect(batches.map((batch) => batch.items)).toEqual([[4, 4, 4], [6, 4], [1]]);
  });

  it('rejects the groups of a failed batch and goes on with the next', async () => {
    const { commit, batches, turn } = gated(1);
    const lost = commit.add([1]);
    await turn();
    const kept = commit.add([2]);
    batches[0]?.fail(new Error('no disk'));
    await expect(lost).rejects.toThrow('no disk');
    await turn();
    batches[1]?.finish();
    expect(await kept).toEqual(['done 2']);
  });

  it('is drained when nothing is queued or in flight', async () => {
    const { commit, batches, turn } = gated(1);
    await commit.drained();
    void commit.add([1]);
    let isDrained = false;
    const drained = commit.drained().then(() => (isDrained = true));
    await turn();
    expect(isDrained).toBe(false);
    batches[0]?.finish();
    await drained;
  });

  it('answers nothing with nothing', async () => {
    const { commit, batches, turn } = gated(1);
    expect(await commit.add([])).toEqual([]);
    await turn();
    expect(batches).toEqual([]);
  });
});
