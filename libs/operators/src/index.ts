export { operators } from './registry.ts';
export { LineReader } from './line-reader.ts';
