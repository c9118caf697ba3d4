import { join } from 'node:path';
import type { BundleScannerOptions, ScanDiff } from '@dagbook/bundles';
import { CliFailure } from '../failure.ts';
import type { Terminal } from '../terminal.ts';

export const sdkPath = (terminal: Terminal): string => join(terminal.root, 'dist/sdk/index.js');

/** Everything in a folder of DAG files, read as the scheduler reads it: author code runs in children of its own. */
export async function scanFolder(terminal: Terminal, options: Pick<BundleScannerOptions, 'folder' | 'ignore'>): Promise<ScanDiff> {
  // Only here: the bundler is of no use to the other commands, which should start at once.
  const { BundleScanner } = await import('@dagbook/bundles');
  const scanner = new BundleScanner({
    sdkPath: sdkPath(terminal),
    childPath: join(terminal.root, 'dist/bundles/parse-child.js'),
    timezone: terminal.env['DAGBOOK_DEFAULT_TIMEZONE'] ?? 'UTC',
    ...options,
  });
  try {
    return await scanner.scan();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') throw new CliFailure('usage', `The folder ${options.folder} cannot be read (${code}).`, 'Name the folder of your DAG files.');
    throw error;
  } finally {
    await scanner.stop();
  }
}
