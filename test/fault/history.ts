import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One time that a task's code ran, as the code itself wrote it down. */
export interface Execution {
  readonly attempt: string;
  readonly epoch: number;
  readonly pid: number;
  readonly beganAtMs: number;
  /** Absent: it was killed, or still runs. */
  readonly endedAtMs?: number;
}

interface Line {
  readonly phase: 'begin' | 'end';
  readonly attempt: string;
  readonly epoch: number;
  readonly pid: number;
  readonly atMs: number;
}

/** Reads what the tasks wrote. A line that its writer's death cut off is the last of its file, and left out. */
export function readHistory(folder: string): Execution[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => name.endsWith('.jsonl')).flatMap((name) => executionsOf(readFileSync(join(folder, name), 'utf8')));
}

function executionsOf(text: string): Execution[] {
  const executions: Execution[] = [];
  for (const written of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    if (written === '') continue;
    const { phase, attempt, epoch, pid, atMs } = JSON.parse(written) as Line;
    if (phase === 'begin') executions.push({ attempt, epoch, pid, beganAtMs: atMs });
    else {
      const index = executions.findLastIndex((execution) => execution.attempt === attempt && execution.epoch === epoch && execution.endedAtMs === undefined);
      if (index >= 0) executions[index] = { ...(executions[index] as Execution), endedAtMs: atMs };
    }
  }
  return executions;
}

/** An end that the journal took in: of this try, by this epoch. */
export interface Effect {
  readonly attempt: string;
  readonly epoch: number;
  readonly succeeded: boolean;
}

/**
 * I2: what the journal took in was done once, by the execution that it names, and by no other at that time whose result
 * counts as well.
 */
export function judgeHistory(executions: readonly Execution[], effects: readonly Effect[]): string[] {
  const violations: string[] = [];
  const byKey = Map.groupBy(executions, ({ attempt, epoch }) => `${attempt}@${epoch}`);
  for (const [key, twice] of byKey) if (twice.length > 1) violations.push(`${key} was executed ${twice.length} times under one epoch`);
  const counting = new Map<string, Execution[]>();
  for (const { attempt, epoch, succeeded } of effects) {
    const execution = byKey.get(`${attempt}@${epoch}`)?.[0];
    if (succeeded && execution?.endedAtMs === undefined) violations.push(`${attempt}@${epoch} succeeded in the journal, and the task has not written that it ${execution === undefined ? 'ran' : 'ended'}`);
    if (execution === undefined) continue;
    const task = attempt.slice(0, attempt.lastIndexOf('/'));
    counting.set(task, [...(counting.get(task) ?? []), execution]);
  }
  for (const [task, ofTask] of counting) {
    ofTask.sort((a, b) => a.beganAtMs - b.beganAtMs);
    for (const [index, later] of ofTask.entries()) {
      const earlier = ofTask[index - 1];
      if (earlier !== undefined && later.beganAtMs < (earlier.endedAtMs ?? 0)) violations.push(`two executions of ${task} that both count overlap: epochs ${earlier.epoch} and ${later.epoch}`);
    }
  }
  return violations;
}

/** Executions whose result never counted: what at-least-once cost. */
export const wasted = (executions: readonly Execution[], effects: readonly Effect[]): number => {
  const counted = new Set(effects.filter((effect) => effect.succeeded).map(({ attempt, epoch }) => `${attempt}@${epoch}`));
  return executions.filter(({ attempt, epoch }) => !counted.has(`${attempt}@${epoch}`)).length;
};
