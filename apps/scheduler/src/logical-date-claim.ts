import type { EventStore } from '@dagbook/event-store';
import { uuidv7 } from '@dagbook/platform';

/**
 * A DAG has one run for a logical date, whoever makes it: the date is claimed by a stream of its own before the run is
 * created. Answers the claims that others hold, by the run id that asked; asking again for the same run is no conflict.
 */
export async function claimLogicalDates(
  store: Pick<EventStore, 'append' | 'read'>,
  dagId: string,
  claims: readonly { readonly runId: string; readonly logicalDateMs: number }[],
): Promise<ReadonlyMap<string, string>> {
  const results = await store.append(
    claims.map(({ runId, logicalDateMs }) => ({
      streamId: streamOf(dagId, logicalDateMs),
      expectedVersion: 0,
      events: [{ eventId: uuidv7(), type: 'LogicalDateClaimed', schemaVersion: 1, data: { runId } }],
    })),
  );
  const taken = new Map<string, string>();
  for (const [index, claim] of claims.entries()) {
    if (results[index]?.kind === 'appended') continue;
    const holder = await holderOf(store, dagId, claim.logicalDateMs);
    if (holder !== undefined && holder !== claim.runId) taken.set(claim.runId, holder);
  }
  return taken;
}

const streamOf = (dagId: string, logicalDateMs: number): string => `claim-${dagId}/${logicalDateMs}`;

/** The run that has this logical date. */
export async function holderOf(store: Pick<EventStore, 'read'>, dagId: string, logicalDateMs: number): Promise<string | undefined> {
  const [claimed] = await store.read(streamOf(dagId, logicalDateMs));
  return (claimed?.data as { runId?: string } | undefined)?.runId;
}

/** The same of many at once; dates that are free are absent. */
export async function holdersOf(store: Pick<EventStore, 'readMany'>, dagId: string, logicalDatesMs: readonly number[]): Promise<ReadonlyMap<number, string>> {
  if (logicalDatesMs.length === 0) return new Map();
  const streams = await store.readMany(logicalDatesMs.map((dateMs) => streamOf(dagId, dateMs)));
  return new Map(logicalDatesMs.flatMap((dateMs) => {
    const [claimed] = streams.get(streamOf(dagId, dateMs)) ?? [];
    return claimed === undefined ? [] : [[dateMs, (claimed.data as { runId: string }).runId] as const];
  }));
}

/** Logical dates of a DAG that are taken, in no order. */
export async function claimedDates(store: Pick<EventStore, 'listStreams'>, dagId: string): Promise<readonly number[]> {
  const prefix = `claim-${dagId}/`;
  return (await store.listStreams(prefix)).map((streamId) => Number(streamId.slice(prefix.length)));
}
