/** Work is shared among schedulers by partitions of DAGs; a partition has one owner at a time. */
export const DAG_PARTITIONS = 16;

/** Stands for a DAG id in commands to the dispatcher; no DAG can have it, and no scheduler owns its partition. */
export const DISPATCHER = '/dispatcher';
export const DISPATCHER_PARTITION = -1;

/** FNV-1a over UTF-16 code units: stable for ever, since locks and topics are keyed by it. */
export function partitionOf(dagId: string): number {
  if (dagId === DISPATCHER) return DISPATCHER_PARTITION;
  let hash = 0x811c9dc5;
  for (let i = 0; i < dagId.length; i++) {
    hash ^= dagId.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return (hash >>> 0) % DAG_PARTITIONS;
}
