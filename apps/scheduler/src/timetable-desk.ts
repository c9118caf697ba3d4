import type { CodeAnswer, CodeQuestion, DataInterval, DagCommand, ForeseenRuns, PartitionAnswer, PartitionQuestion, Rejected } from '@dagbook/domain';
import { needsForesight, reject, scheduleQuestion } from '@dagbook/domain';
import type { PackedBundle } from '@dagbook/contracts';
import type { EventStore } from '@dagbook/event-store';
import type { Clock, Log } from '@dagbook/platform';
import type { DagBundleSource } from './bundle-intake.ts';
import type { OwnedDag } from './owned-dag.ts';

/**
 * Asks the timetables that authors wrote, in parse children, by the stored code of the version that counts. Only what a
 * DAG's journal has taken over is ever decided by; here is kept but when one that failed is asked again.
 */
export class TimetableDesk {
  readonly #ports: TimetableDeskPorts;
  readonly #again = new WeakMap<OwnedDag, { readonly planHash: string; readonly atMs: number }>();

  constructor(ports: TimetableDeskPorts) {
    this.#ports = ports;
  }

  /** What the DAG's journal should take over; undefined: it knows all that there is to know now. */
  async foresee(dag: OwnedDag): Promise<Extract<DagCommand, { type: 'RecordForesight' }> | undefined> {
    const { plan } = dag;
    if (plan === undefined || !needsForesight(plan.definition, dag.fold) || this.askedAgainAtMs(dag) !== null) return undefined;
    const nowMs = this.#ports.clock.nowMs();
    const answer = await this.#ask(dag, { kind: 'next', question: scheduleQuestion(plan.definition, dag.fold, nowMs) });
    if (answer.kind !== 'next') throw new Error(`the timetable of ${dag.dagId} answered another question`);
    if (answer.problem !== undefined && answer.runs.length === 0) {
      this.#again.set(dag, { planHash: plan.hash, atMs: nowMs + AGAIN_AFTER_MS });
      this.#ports.log.warn('a timetable could not say when its DAG runs next; it is asked again in a minute', { dagId: dag.dagId, problem: answer.problem });
    }
    const problem = answer.problem === undefined ? {} : { problem: answer.problem };
    return { type: 'RecordForesight', runs: answer.runs, ...problem, planHash: plan.hash, nowMs };
  }

  /** When a timetable that failed is asked again; null: it has not, or the time has come. */
  askedAgainAtMs(dag: OwnedDag): number | null {
    const again = this.#again.get(dag);
    return again === undefined || again.planHash !== dag.plan?.hash || again.atMs <= this.#ports.clock.nowMs() ? null : again.atMs;
  }

  /** The data interval of a run that a person starts; undefined: the definition says which. */
  async manualInterval(dag: OwnedDag, logicalDateMs: number | null): Promise<DataInterval | Rejected | undefined> {
    if (logicalDateMs === null || dag.plan?.definition.schedule.kind !== 'custom') return undefined;
    const answer = await this.#ask(dag, { kind: 'manual', runAfterMs: logicalDateMs });
    if (answer.kind === 'manual' && answer.interval !== null) return answer.interval;
    return reject('invalid_data_interval', `The timetable of ${dag.dagId} could not say the data interval of this run: ${answer.problem ?? 'no answer'} Mend its manual(), or give data_interval_start and data_interval_end.`);
  }

  /** All runs of a range, for a backfill; undefined: the definition says which. */
  async ranged(dag: OwnedDag, fromMs: number, toMs: number): Promise<ForeseenRuns | undefined> {
    if (dag.plan?.definition.schedule.kind !== 'custom') return undefined;
    const answer = await this.#ask(dag, { kind: 'range', fromMs, toMs, nowMs: this.#ports.clock.nowMs() });
    if (answer.kind !== 'range') throw new Error(`the timetable of ${dag.dagId} answered another question`);
    return { runs: answer.runs.map(({ runAfterMs, interval }) => [runAfterMs, interval.startMs, interval.endMs]), ...(answer.problem === undefined ? {} : { problem: answer.problem }) };
  }

  /** For which runs updates count, where mappers that the author wrote say that. */
  async mapped(dag: OwnedDag, question: PartitionQuestion): Promise<PartitionAnswer> {
    const answer = await this.#ask(dag, question);
    if (answer.kind !== 'partitions') throw new Error(`the mappers of ${dag.dagId} answered another question`);
    return answer;
  }

  async #ask(dag: OwnedDag, question: CodeQuestion): Promise<CodeAnswer> {
    const { bundleHash } = dag.fold;
    const content = bundleHash === null ? null : await this.#ports.store.getContent('bundle', bundleHash);
    if (content === null) throw new Error(`the code of ${dag.dagId} is not in the journal`);
    return this.#ports.source.askTimetable(JSON.parse(utf8.decode(content)) as PackedBundle, dag.dagId, question);
  }
}

const AGAIN_AFTER_MS = 60_000;
const utf8 = new TextDecoder();

export interface TimetableDeskPorts {
  readonly store: Pick<EventStore, 'getContent'>;
  readonly source: Pick<DagBundleSource, 'askTimetable'>;
  readonly clock: Clock;
  readonly log: Log;
}
