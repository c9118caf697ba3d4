export { operators } from './registry.ts';
export { LineReader } from './line-reader.ts';
export { removeContainersOf } from './docker-leftover.ts';
