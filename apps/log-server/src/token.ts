export const LOG_STORE = Symbol('DiskLogStore');
export const READER_SECRET = Symbol('reader secret');
