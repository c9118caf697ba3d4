import {
  compilePlan, countsByState, createRunState, decideRun, evolveRun, invariant, isFinished, isRejected, nextWakeAtMs, readyInstances,
  restoreRun, settle, snapshotRun, type DagRun, type Json, type MapSource, type RunCommand, type RunEvent,
} from '@dagbook/domain';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRun, definitionOf, instancesOf, reportOf, seeded, type DagRunRow, type OracleTask } from '../oracles/dagrun-row.ts';
import { randomDag } from '../oracles/random-row.ts';
import { allowedEnds } from '../oracles/rules-reference.ts';

const CASES = 10_000;

/** A DAG and an order of execution, by seed: a failing case names both and is the same every time. */
const cases = fc.record({ size: fc.integer({ min: 1, max: 8 }), seed: fc.integer({ min: 0, max: 0x7fffffff }) });
const check = (property: (row: DagRunRow, random: (below: number) => number) => void): void =>
  fc.assert(fc.property(cases, ({ size, seed }) => {
    const random = seeded(seed);
    property({ dag: randomDag(size, random), run: '', taskInstances: [] }, random);
  }), { numRuns: CASES, seed: 42 });

/** Runs a DAG in an order, giving each report through `deliver`, and answers the run at its end. */
function play(row: DagRunRow, random: (below: number) => number, deliver: (run: DagRun, reports: readonly RunCommand[]) => void, run = begin(row)): DagRun {
  const tasks = new Map(row.dag.tasks.map((task) => [task.id, task]));
  for (let moves = 0; !isFinished(run); moves += 1) {
    invariant(moves < 1_000, 'a run of eight tasks ends');
    const ready = readyInstances(run);
    const next = ready[random(ready.length)];
    if (next === undefined) {
      const nowMs = nextWakeAtMs(run);
      invariant(nowMs !== null, `nothing is ready and nothing wakes: ${JSON.stringify(countsByState(run))}`);
      settle(run, { type: 'RecordTimePassed', nowMs });
      continue;
    }
    const task = tasks.get(next.taskId);
    invariant(task !== undefined, `unknown task ${next.taskId}`);
    const attempt = { taskId: next.taskId, mapIndex: next.mapIndex, tryNumber: next.tryNumber, epoch: 1 };
    deliver(run, [{ type: 'RecordTaskStarted', ...attempt, worker: 'w', nowMs: moves }, reportOf(task, next, 1, moves)]);
  }
  return run;
}

function begin(row: DagRunRow): DagRun {
  const run = createRunState(compilePlan(definitionOf(row, 'oracle')));
  settle(run, createRun(0));
  settle(run, { type: 'StartRun', nowMs: 0 });
  return run;
}

const inOrder = (run: DagRun, reports: readonly RunCommand[]): void => { for (const report of reports) settle(run, report); };

test('every run ends, with every task instance in a state that the rules allow, whatever the order of completion', () => {
  check((row, random) => {
    const run = play(row, random, inOrder);
    expect(countsByState(run).none).toBe(0);
    for (const { task, mapIndex, state, allowed } of allowedEnds(row, instancesOf(run))) {
      if (!allowed.includes(state)) throw new Error(`${task}[${mapIndex}] is ${state}; the rules allow ${allowed.join(', ')}`);
    }
  });
});

test('doubled, late and overtaken reports of the same completions come to the same end', () => {
  check((row, random) => {
    const order = random(0x7fffffff);
    const calm = play(row, seeded(order), inOrder);
    const late: RunCommand[] = [];
    const stormy = play(row, seeded(order), (run, [started, finished]) => {
      invariant(started !== undefined && finished !== undefined, 'two reports');
      const before = [started, started].slice(random(3));
      const after = [started, finished, ...late.filter(() => random(4) === 0)];
      for (const report of [...before, finished]) settle(run, report);
      const ended = instancesOf(run);
      for (const report of after) expect(isRejected(settle(run, report))).toBe(true);
      expect(instancesOf(run)).toEqual(ended);
      late.push(started, finished);
    });
    expect(instancesOf(stormy)).toEqual(instancesOf(calm));
    expect(stormy.state).toBe(calm.state);
  });
});

test('messages of many tasks at once, lost and redelivered, doubled and in any order, come to the end of those that counted', () => {
  check((row, random) => {
    const tasks = new Map(row.dag.tasks.map((task) => [task.id, task]));
    const stormy = begin(row);
    const counted: RunCommand[] = [];
    const give = (command: RunCommand): void => {
      const settled = settle(stormy, command);
      if (!isRejected(settled) && settled.events.length > 0) counted.push(command);
    };
    const sent = new Set<string>();
    const wire: RunCommand[] = [];
    for (let moves = 0; !isFinished(stormy); moves += 1) {
      invariant(moves < 2_000, 'a run of eight tasks ends');
      for (const ready of readyInstances(stormy)) {
        const { taskId, mapIndex, tryNumber } = ready;
        const task = tasks.get(taskId);
        invariant(task !== undefined, `unknown task ${taskId}`);
        if (sent.has(`${taskId}/${mapIndex}/${tryNumber}`)) continue;
        sent.add(`${taskId}/${mapIndex}/${tryNumber}`);
        wire.push({ type: 'RecordTaskStarted', taskId, mapIndex, tryNumber, epoch: 1, worker: 'w', nowMs: moves }, reportOf(task, ready, 1, moves));
      }
      const nowMs = nextWakeAtMs(stormy);
      if (nowMs !== null && (wire.length === 0 || random(4) === 0)) give({ type: 'RecordTimePassed', nowMs });
      const at = random(wire.length);
      const message = wire[at];
      // One in four is lost on the way and sent again; of those that arrive one in four comes once more.
      if (message === undefined || random(4) === 0) continue;
      if (random(4) > 0) wire.splice(at, 1);
      give(message);
    }
    const calm = begin(row);
    for (const command of counted) expect(isRejected(settle(calm, command))).toBe(false);
    expect(instancesOf(stormy)).toEqual(instancesOf(calm));
    expect(stormy.state).toBe(calm.state);
    for (const { task, mapIndex, state, allowed } of allowedEnds(row, instancesOf(stormy))) {
      if (!allowed.includes(state)) throw new Error(`${task}[${mapIndex}] is ${state}; the rules allow ${allowed.join(', ')}`);
    }
  });
});

test('of all attempts of a try at most one is effective, and none that was lost', () => {
  check((row, random) => {
    const effective = new Map<string, number>();
    play(row, random, (run, [started, finished]) => {
      invariant(started?.type === 'RecordTaskStarted' && finished !== undefined && 'epoch' in finished, 'two reports');
      const lost = { ...started, type: 'RecordAttemptLost', worker: 'w', cause: 'lease_expired' } as const;
      const reports = [1, 2, 3].flatMap((epoch): RunCommand[] => [{ ...started, epoch }, { ...finished, epoch }]);
      reports.push({ ...lost, epoch: 1 }, { ...lost, epoch: 2 });
      let lostEpoch = 0;
      for (let left = reports.length; left > 0; left -= 1) {
        const [report] = reports.splice(random(left), 1);
        invariant(report !== undefined && 'epoch' in report, 'one is left');
        if (isRejected(settle(run, report))) continue;
        expect(report.epoch).toBeGreaterThan(lostEpoch);
        if (report.type === 'RecordAttemptLost') lostEpoch = report.epoch;
        else if (report.type !== 'RecordTaskStarted') {
          const key = `${started.taskId}/${started.mapIndex}/${started.tryNumber}`;
          effective.set(key, (effective.get(key) ?? 0) + 1);
        }
      }
    });
    expect([...effective.values()].every((count) => count === 1)).toBe(true);
  });
});

test('a cleared run, run again, ends as a fresh one', () => {
  check((row) => {
    const tasks = row.dag.tasks.map((task) => ({ ...task, does: task.does === 'failOnce' ? 'fail' as const : task.does }));
    const steady = { ...row, dag: { tasks } };
    const fresh = play(steady, () => 0, inOrder);
    const again = play(steady, () => 0, inOrder);
    settle(again, { type: 'MarkRun', state: 'queued', by: 'ann', nowMs: 0 });
    expect(again.state).toBe('queued');
    settle(again, { type: 'StartRun', nowMs: 0 });
    play(steady, () => 0, inOrder, again);
    const statesOf = (run: DagRun): unknown => instancesOf(run).map(({ task, mapIndex, state }) => ({ task, mapIndex, state }));
    expect(again.state).toBe(fresh.state);
    expect(statesOf(again)).toEqual(statesOf(fresh));
  });
});

test('what is cleared with all below it, in the midst of a run or after it, ends as the rules allow', () => {
  check((row, random) => {
    const tasks = row.dag.tasks.map((task) => ({ ...task, does: task.does === 'failOnce' ? 'fail' as const : task.does }));
    const steady = { ...row, dag: { tasks } };
    const clear = (run: DagRun): void => {
      settle(run, { type: 'ClearTasks', tasks: [{ taskId: tasks[random(tasks.length)]?.id ?? '' }], downstream: true, resetRun: true, nowMs: 0 });
      if (run.state === 'queued') settle(run, { type: 'StartRun', nowMs: 0 });
    };
    let clears = 3;
    const run = play(steady, random, (of, reports) => {
      inOrder(of, reports);
      if (random(8) === 0 && clears-- > 0) clear(of);
    });
    clear(run);
    play(steady, random, inOrder, run);
    expect(isFinished(run)).toBe(true);
    for (const { task, mapIndex, state, allowed } of allowedEnds(steady, instancesOf(run))) {
      if (!allowed.includes(state)) throw new Error(`${task}[${mapIndex}] is ${state}; the rules allow ${allowed.join(', ')}`);
    }
  });
});

test('a snapshot with the events after it is the fold from the first event, and no prefix throws', () => {
  check((row, random) => {
    const events: RunEvent[] = [];
    const run = createRunState(compilePlan(definitionOf(row, 'oracle')));
    const give = (command: RunCommand): void => {
      const settled = settle(run, command);
      if (!isRejected(settled)) events.push(...settled.events);
    };
    give(createRun(0));
    give({ type: 'StartRun', nowMs: 0 });
    play(row, random, (_, reports) => { for (const report of reports) if (random(20) > 0) give(report); else give({ type: 'ClearTasks', nowMs: 0 }); }, run);

    const plan = compilePlan(definitionOf(row, 'oracle'));
    const cut = random(events.length);
    let restored = createRunState(plan);
    let folded = createRunState(plan);
    events.forEach((event, index) => {
      if (index === cut) restored = restoreRun(plan, JSON.parse(JSON.stringify(snapshotRun(restored))) as Json);
      restored = evolveRun(restored, event);
      folded = evolveRun(folded, event);
      const next = (of: DagRun): string => JSON.stringify(decideRun({ type: 'Advance', nowMs: index }, of));
      expect(next(restored)).toBe(next(folded));
    });
    expect(snapshotRun(restored)).toEqual(snapshotRun(run));
    expect(snapshotRun(folded)).toEqual(snapshotRun(run));
  });
});

test('in a mapped group each map index goes as the tasks would alone', () => {
  check(({ dag }, random) => {
    const overWhole: readonly string[] = ['one_success', 'one_failed', 'one_done'];
    const plain = dag.tasks.filter(({ kind }) => kind === 'task' || kind === 'branch' || kind === 'shortCircuit');
    const kept = new Set(plain.map(({ id }) => id));
    const tasks = plain.map((task): OracleTask => ({
      ...task,
      upstream: task.upstream.filter((id) => kept.has(id)),
      triggerRule: overWhole.includes(task.triggerRule) ? 'all_done' : task.triggerRule,
      ...(task.chooses === undefined ? {} : { chooses: task.chooses.filter((id) => kept.has(id)) }),
    }));
    fc.pre(tasks.length > 0);
    const width = 1 + random(3);
    const rows = Array.from({ length: width }, (): DagRunRow => ({
      dag: { tasks: tasks.map((task) => ({ ...task, does: random(3) === 0 ? 'fail' : task.does, passes: random(2) === 0, retries: 0 })) }, run: '', taskInstances: [],
    }));
    const definition = definitionOf({ dag: { tasks: rows[0]?.dag.tasks ?? [] }, run: '', taskInstances: [] }, 'oracle');
    const plan = compilePlan({
      ...definition,
      tasks: definition.tasks.map((task) => ({ ...task, groupId: 'g' })),
      groups: [{ groupId: 'g', mapping: { kind: 'expand', over: [['item', { kind: 'literal', value: rows.map((_, index) => index) }]] } }],
    });
    let run = createRunState(plan);
    settle(run, createRun(0));
    settle(run, { type: 'StartRun', nowMs: 0 });
    const alone = rows.map((row) => begin(row));
    const give = (of: DagRun, row: DagRunRow, taskId: string, mapIndex: number, tryNumber: number): void => {
      const task = row.dag.tasks.find(({ id }) => id === taskId);
      invariant(task !== undefined, `unknown task ${taskId}`);
      settle(of, reportOf(task, { mapIndex, tryNumber }, 1, 0));
    };
    for (let ready = readyInstances(run); ready.length > 0; ready = readyInstances(run)) {
      const next = ready[random(ready.length)];
      invariant(next !== undefined, 'one is ready');
      const [row, single] = [rows[next.mapIndex], alone[next.mapIndex]];
      invariant(row !== undefined && single !== undefined, 'its map index has a row');
      give(run, row, next.taskId, next.mapIndex, next.tryNumber);
      give(single, row, next.taskId, -1, next.tryNumber);
      if (random(4) === 0) run = restoreRun(plan, JSON.parse(JSON.stringify(snapshotRun(run))) as Json);
    }
    expect(isFinished(run)).toBe(true);
    const together = instancesOf(run);
    alone.forEach((single, mapIndex) => {
      expect(together.filter((instance) => instance.mapIndex === mapIndex).map(({ task, state }) => [task, state]))
        .toEqual(instancesOf(single).map(({ task, state }) => [task, state]));
    });
  });
});

const lists = fc.array(fc.integer(), { maxLength: 4 });
const sources: fc.Memo<MapSource> = fc.memo((depth) => (depth <= 1
  ? fc.oneof(lists.map((value): MapSource => ({ kind: 'literal', value })), lists.map((list): MapSource => ({ kind: 'literal', value: Object.fromEntries(list.map((item, index) => [`k${index}`, item])) })))
  : fc.oneof(
      sources(1),
      fc.array(sources(depth - 1), { minLength: 1, maxLength: 3 }).map((of): MapSource => ({ kind: 'zip', sources: of })),
      fc.array(sources(depth - 1), { minLength: 1, maxLength: 3 }).map((of): MapSource => ({ kind: 'zip', sources: of, fill: 0 })),
      fc.array(sources(depth - 1), { minLength: 1, maxLength: 3 }).map((of): MapSource => ({ kind: 'concat', sources: of })),
      sources(depth - 1).map((source): MapSource => ({ kind: 'map', source, fn: 0 })),
    )));

/** What the mapped values are, spelled out: the length is how many there are. */
function valuesOf(source: MapSource): unknown[] {
  switch (source.kind) {
    case 'literal': return Array.isArray(source.value) ? source.value : Object.entries(source.value);
    case 'map': return valuesOf(source.source);
    case 'concat': return source.sources.flatMap(valuesOf);
    case 'zip': {
      const columns = source.sources.map(valuesOf);
      const rows: unknown[][] = [];
      for (let index = 0; columns.some((column) => index < column.length); index += 1) {
        if (source.fill === undefined && columns.some((column) => index >= column.length)) break;
        rows.push(columns.map((column) => column[index] ?? source.fill));
      }
      return rows;
    }
    case 'result': return [];
  }
}

test('a mapped task has as many instances as its arguments have combinations', () => {
  fc.assert(fc.property(fc.array(sources(3), { minLength: 1, maxLength: 3 }), (over) => {
    const expected = over.reduce((product, source) => product * valuesOf(source).length, 1);
    fc.pre(expected <= 64);
    const run = createRunState(compilePlan({
      dagId: 'oracle', timezone: 'UTC', schedule: { kind: 'none' },
      tasks: [{ taskId: 'm', operator: 'oracle', upstream: [], mapping: { kind: 'expand', over: over.map((source, index) => [`a${index}`, source]) } }],
    }));
    settle(run, createRun(0));
    settle(run, { type: 'StartRun', nowMs: 0 });
    expect(instancesOf(run).map(({ mapIndex, state }) => [mapIndex, state]))
      .toEqual(expected === 0 ? [[-1, 'skipped']] : Array.from({ length: expected }, (_, index) => [index, 'scheduled']));
  }), { numRuns: CASES, seed: 42 });
});
