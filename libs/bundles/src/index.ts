export { buildSdk } from './build-sdk.ts';
export type { ParsedDefinition } from './parse-protocol.ts';
export type { BundleScannerOptions, FailedFile, ParsedFile, ScanDiff } from './scanner.ts';
export { BundleScanner } from './scanner.ts';
export { installSdkResolver } from './sdk-resolver.ts';
