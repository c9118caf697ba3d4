import type { BackfillEvent, RunEvent } from '@dagbook/domain';
import type { SimulatedBackfill } from './scenario.ts';

interface Seen {
  readonly wanted: SimulatedBackfill;
  state: 'running' | 'completed' | 'cancelled';
  handled: number;
}

/** Sees what becomes of backfills: their dates in order, each once, with no more runs at once than were asked for. */
export class BackfillWitness {
  readonly #wanted: ReadonlyMap<string, SimulatedBackfill>;
  readonly #fail: (rule: string, what: string) => void;
  /** By stream id. */
  readonly #seen = new Map<string, Seen>();
  /** The backfill that a run belongs to while it has not ended. */
  readonly #active = new Map<string, string>();
  /** `stream run` of every run that was ever a backfill's. */
  readonly #owned = new Set<string>();

  constructor(wanted: ReadonlyMap<string, SimulatedBackfill>, fail: (rule: string, what: string) => void) {
    this.#wanted = wanted;
    this.#fail = fail;
  }

  /** Those that have begun and not ended. */
  get open(): readonly string[] {
    return [...this.#seen].filter(([, { state }]) => state === 'running').map(([streamId]) => streamId);
  }

  isOfBackfill(dagId: string, runId: string): boolean {
    return this.#active.has(`${dagId}/${runId}`);
  }

  covers(dagId: string, logicalDateMs: number): boolean {
    return this.#wanted.get(dagId)?.dates.includes(logicalDateMs) === true;
  }

  takeRun(dagId: string, runId: string, event: RunEvent): void {
    const key = `${dagId}/${runId}`;
    if (event.type === 'RunCreated' || event.type === 'RunRequeued') {
      this.#active.delete(key);
      if (event.backfillId === undefined) return;
      const streamId = `backfill-${dagId}/${event.backfillId}`;
      this.#active.set(key, streamId);
      this.#owned.add(`${streamId} ${runId}`);
      const most = this.#wanted.get(dagId)?.maxActiveRuns ?? 0;
      const active = [...this.#active.values()].filter((other) => other === streamId).length;
      if (active > most) this.#fail('a backfill keeps its cap', `${streamId} has ${active} runs of at most ${most}`);
    } else if (event.type === 'RunSucceeded' || event.type === 'RunFailed') this.#active.delete(key);
  }

  take(streamId: string, event: BackfillEvent): void {
    const seen = this.#seen.get(streamId);
    const wrong = (what: string): void => this.#fail('a backfill goes by its dates', `${streamId} ${what}`);
    if (event.type === 'BackfillCreated') {
      const wanted = this.#wanted.get(event.dagId);
      if (seen !== undefined || wanted === undefined) return wrong('begins, and should not');
      if (event.dates !== wanted.dates.length) wrong(`has ${event.dates} dates, and should have ${wanted.dates.length}`);
      this.#seen.set(streamId, { wanted, state: 'running', handled: 0 });
      return undefined;
    }
    if (seen?.state !== 'running') return wrong(`gets ${event.type} when it is ${seen?.state ?? 'unknown'}`);
    switch (event.type) {
      case 'BackfillDateHandled': {
        const dateMs = seen.wanted.dates[seen.handled];
        if (dateMs !== event.logicalDateMs) wrong(`handles ${event.logicalDateMs} when it is the turn of ${dateMs}`);
        if (event.action === 'skipped' && this.#owned.has(`${streamId} ${event.runId}`)) wrong(`skips ${event.runId}, which is its own`);
        if (event.action !== 'skipped' && !this.#owned.has(`${streamId} ${event.runId}`)) wrong(`has ${event.action} ${event.runId}, which is not its own`);
        seen.handled += 1;
        return undefined;
      }
      case 'BackfillCompleted':
        if (seen.handled < seen.wanted.dates.length) wrong(`is completed after ${seen.handled} dates`);
        if ([...this.#active.values()].includes(streamId)) wrong('is completed while a run of it is under way');
        seen.state = 'completed';
        return undefined;
      case 'BackfillCancelled':
        seen.state = 'cancelled';
        return undefined;
      case 'BackfillPaused':
      case 'BackfillUnpaused':
        return undefined;
    }
  }
}
