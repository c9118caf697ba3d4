export { PartFault } from './part-fault.ts';
export type { EmbeddedPostgres, EmbeddedPostgresOptions } from './postgres/server.ts';
export { startEmbeddedPostgres } from './postgres/server.ts';
