import type { AppendEntry } from '../port.ts';

/** What parts the members of a list: JSON text escapes it, and ids may not hold it. */
const SEPARATOR = '\u001f';

/** An entry whose events are already JSON text, so that a batch that is tried again costs no second encoding. */
export interface EncodedEntry {
  readonly entry: AppendEntry;
  readonly datas: readonly string[];
  readonly metas: readonly string[];
  readonly bytes: number;
}

export function encodeEntry(entry: AppendEntry): EncodedEntry {
  // A separator inside an id would move every later column of the batch by one.
  if (entry.streamId.includes(SEPARATOR)) throw new Error(`invariant: a control character in stream id ${JSON.stringify(entry.streamId)}`);
  const datas = entry.events.map((event) => JSON.stringify(event.data));
  const metas = entry.events.map((event) => (event.meta === undefined ? '' : JSON.stringify(event.meta)));
  return { entry, datas, metas, bytes: datas.reduce((sum, data) => sum + data.length, 0) };
}

/** The arguments of `append_events`, in order. */
export function batchArguments(batch: readonly EncodedEntry[]): (string | null)[] {
  const streams: string[] = [];
  const versions: number[] = [];
  const eventIds: string[] = [];
  const schemaVersions: number[] = [];
  const types: string[] = [];
  const datas: string[] = [];
  const metas: string[] = [];
  const heads: string[] = [];
  const expectedVersions: number[] = [];
  const fenced: string[] = [];
  const fencedEpochs: number[] = [];
  const released: string[] = [];
  const revoked: string[] = [];
  const dropped: string[] = [];
  const droppedEpochs: number[] = [];
  const grants: Record<string, string | number>[] = [];
  const opened: object[] = [];
  const closed: object[] = [];
  const outcomes: object[] = [];
  for (const { entry, datas: entryDatas, metas: entryMetas } of batch) {
    const { streamId, expectedVersion, events } = entry;
    for (let i = 0; i < events.length; i++) {
      const event = events[i] as (typeof events)[number];
      streams.push(streamId);
      versions.push(expectedVersion + 1 + i);
      eventIds.push(event.eventId);
      schemaVersions.push(event.schemaVersion);
      types.push(event.type);
      datas.push(entryDatas[i] as string);
      metas.push(entryMetas[i] as string);
    }
    if (events.length > 0 && expectedVersion > 0) {
      heads.push(streamId);
      expectedVersions.push(expectedVersion);
    }
    for (const fence of entry.fences ?? []) {
      fenced.push(fence.attemptId);
      fencedEpochs.push(fence.epoch);
      if (fence.release) released.push(fence.attemptId);
    }
    if (entry.revoke) revoked.push(...entry.revoke);
    for (const lease of entry.drop ?? []) {
      dropped.push(lease.attemptId);
      droppedEpochs.push(lease.epoch);
    }
    for (const grant of entry.grants ?? []) {
      grants.push({
        attempt_id: grant.attemptId, epoch: grant.epoch, worker: grant.worker, incarnation: grant.incarnation, dag_id: grant.dagId,
        run_id: grant.runId, task_id: grant.taskId, queue: grant.queue, pool: grant.pool, pool_slots: grant.poolSlots, lost_after_ms: grant.lostAfterMs,
      });
    }
    if (entry.openRun) (entry.openRun.open ? opened : closed).push({ dag_id: entry.openRun.dagId, run_id: entry.openRun.runId });
    for (const outcome of entry.outcomes ?? []) outcomes.push({ command_id: outcome.commandId, outcome: outcome.outcome });
  }
  const list = (members: readonly (string | number)[]): string | null => (members.length === 0 ? null : members.join(SEPARATOR));
  const rows = (members: readonly object[]): string | null => (members.length === 0 ? null : JSON.stringify(members));
  return [
    list(streams), list(versions), list(eventIds), list(schemaVersions), list(types), list(datas), list(metas),
    list(heads), list(expectedVersions), list(fenced), list(fencedEpochs), list(released), list(revoked), list(dropped), list(droppedEpochs),
    rows(grants), rows(opened), rows(closed), rows(outcomes),
  ];
}

/**
 * Parts a batch where an entry touches a lease or an open run that an earlier entry of the same batch changes: inside
 * one statement all fences are judged before any lease moves, which would let a report pass that came after its revocation.
 */
export function splitAtClashes(batch: readonly EncodedEntry[]): EncodedEntry[][] {
  const parts: EncodedEntry[][] = [];
  let part: EncodedEntry[] = [];
  let changed = new Set<string>();
  let read = new Set<string>();
  for (const encoded of batch) {
    const { changes, reads } = touched(encoded.entry);
    if (changes.some((name) => changed.has(name) || read.has(name)) || reads.some((name) => changed.has(name))) {
      parts.push(part);
      [part, changed, read] = [[], new Set(), new Set()];
    }
    part.push(encoded);
    for (const name of changes) changed.add(name);
    for (const name of reads) read.add(name);
  }
  if (part.length > 0) parts.push(part);
  return parts;
}

function touched(entry: AppendEntry): { changes: string[]; reads: string[] } {
  const changes: string[] = [...(entry.revoke ?? []), ...(entry.drop ?? []).map((lease) => lease.attemptId)];
  const reads: string[] = [];
  for (const fence of entry.fences ?? []) (fence.release ? changes : reads).push(fence.attemptId);
  for (const grant of entry.grants ?? []) changes.push(grant.attemptId);
  if (entry.openRun) changes.push(`open run ${entry.openRun.dagId}/${entry.openRun.runId}`);
  return { changes, reads };
}
