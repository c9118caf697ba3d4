import { createHash } from 'node:crypto';

/** What the stream and the attempt of one watcher of one asset are named by, whichever DAG declares it. */
export const watcherKey = (uri: string, name: string): string => createHash('sha256').update(`${uri}\n${name}`).digest('hex').slice(0, 32);
