export type { DiskLogStoreOptions } from './disk-log-store.ts';
export { DiskLogStore } from './disk-log-store.ts';
export { HttpLogReader, LogServerFault } from './http-log-reader.ts';
export { InvalidAttemptKey } from './log-path.ts';
export { mayRead, readerToken } from './reader-token.ts';
