import type { AppendEntry } from '../port.ts';

/** What parts the members of a list: JSON text escapes it, and ids may not hold it. */
const SEPARATOR = '\u001f';
const ROW_SEPARATOR = '\u001e';

/** An entry whose events are already JSON text, so that a batch that is tried again costs no second encoding. */
export interface EncodedEntry {
  readonly entry: AppendEntry;
  readonly datas: readonly string[];
  readonly metas: readonly string[];
  readonly bytes: number;
}

export function encodeEntry(entry: AppendEntry): EncodedEntry {
  // A separator inside an id would move every later column of the batch by one.
  const written = writtenBy(entry);
  for (const { streamId } of written) if (streamId.includes(SEPARATOR)) throw new Error(`invariant: a control character in stream id ${JSON.stringify(streamId)}`);
  const events = written.length === 1 ? entry.events : written.flatMap((part) => part.events);
  const datas = events.map((event) => JSON.stringify(event.data));
  const metas = events.map((event) => (event.meta === undefined ? '' : JSON.stringify(event.meta)));
  return { entry, datas, metas, bytes: datas.reduce((sum, data) => sum + data.length, 0) };
}

/** The entry itself and what is written together with it. */
const writtenBy = (entry: AppendEntry): readonly Pick<AppendEntry, 'streamId' | 'expectedVersion' | 'events'>[] => (entry.also === undefined ? [entry] : [entry, ...entry.also]);

/** How many events an entry writes, in all streams. */
export const eventsOf = (entry: AppendEntry): number => writtenBy(entry).reduce((sum, { events }) => sum + events.length, 0);

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
  const released: Lease[] = [];
  const held: Lease[] = [];
  const revoked: string[] = [];
  const dropped: Lease[] = [];
  const grants: string[] = [];
  const opened: object[] = [];
  const closed: object[] = [];
  const outcomes: object[] = [];
  for (const { entry, datas: entryDatas, metas: entryMetas } of batch) {
    let at = 0;
    for (const { streamId, expectedVersion, events } of writtenBy(entry)) {
      for (let i = 0; i < events.length; i++, at++) {
        const event = events[i] as (typeof events)[number];
        streams.push(streamId);
        versions.push(expectedVersion + 1 + i);
        eventIds.push(event.eventId);
        schemaVersions.push(event.schemaVersion);
        types.push(event.type);
        datas.push(entryDatas[at] as string);
        metas.push(entryMetas[at] as string);
      }
      if (events.length > 0 && expectedVersion > 0) {
        heads.push(streamId);
        expectedVersions.push(expectedVersion);
      }
    }
    for (const fence of entry.fences ?? []) {
      // What the same entry releases at that epoch is gone when the held ones are looked at.
      if (fence.release) released.push(fence);
      else if (!entry.fences?.some((other) => other.release && other.attemptId === fence.attemptId && other.epoch === fence.epoch)) held.push(fence);
    }
    if (entry.revoke) revoked.push(...entry.revoke);
    if (entry.drop) dropped.push(...entry.drop);
    for (const grant of entry.grants ?? []) {
      const { attemptId, epoch, worker, incarnation, dagId, runId, taskId, queue, pool, poolSlots, deferredSlots = 0, lostAfterMs, term } = grant;
      // In the row slots below zero are those of a deferred task, whose trigger holds none: see `PostgresLeaseStore`.
      grants.push([attemptId, epoch, worker, incarnation, dagId, runId, taskId, queue, pool, poolSlots - deferredSlots, lostAfterMs, term ?? ''].join(SEPARATOR));
    }
    if (entry.openRun) (entry.openRun.open ? opened : closed).push({ dag_id: entry.openRun.dagId, run_id: entry.openRun.runId });
    for (const outcome of entry.outcomes ?? []) outcomes.push({ command_id: outcome.commandId, outcome: outcome.outcome, has_events: entry.events.length > 0 });
  }
  const list = (members: readonly (string | number)[], separator = SEPARATOR): string | null => (members.length === 0 ? null : members.join(separator));
  const leases = (of: readonly Lease[]): (string | null)[] => [list(of.map((lease) => lease.attemptId)), list(of.map((lease) => lease.epoch))];
  const rows = (members: readonly object[]): string | null => (members.length === 0 ? null : JSON.stringify(members));
  return [
    list(streams), list(versions), list(eventIds), list(schemaVersions), list(types), list(datas), list(metas),
    list(heads), list(expectedVersions),
    ...leases(inOrder(released)), ...leases(inOrder(held)), list(revoked), ...leases(dropped),
    list(grants, ROW_SEPARATOR), rows(opened), rows(closed), rows(outcomes),
  ];
}

interface Lease {
  readonly attemptId: string;
  readonly epoch: number;
}

/** Sorted, each lease once: `append_events` compares epochs list to list. */
function inOrder(leases: readonly Lease[]): readonly Lease[] {
  const sorted = [...leases].sort((a, b) => (a.attemptId < b.attemptId ? -1 : a.attemptId > b.attemptId ? 1 : a.epoch - b.epoch));
  return sorted.filter((lease, i) => lease.attemptId !== sorted[i - 1]?.attemptId || lease.epoch !== sorted[i - 1]?.epoch);
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
