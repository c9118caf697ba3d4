export { PartFault } from './part-fault.ts';
export type { EmbeddedPostgres, EmbeddedPostgresOptions } from './postgres/server.ts';
export { startEmbeddedPostgres } from './postgres/server.ts';
export type { KafkaInstallation, KafkaInstallOptions } from './kafka/install.ts';
export { ensureKafkaInstalled, missingForKafka } from './kafka/install.ts';
export type { KafkaServer, KafkaServerOptions } from './kafka/server.ts';
export { startKafka } from './kafka/server.ts';
export type { DockerEngine, DockerEngineOptions } from './docker/engine.ts';
export { missingForDocker, startDockerEngine } from './docker/engine.ts';
