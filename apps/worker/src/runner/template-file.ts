import { readFile, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { BundleFolder } from '@dagbook/sdk';

/** The text of a file that came with the DAG, by its path from the DAG's own folder or the bundle's; null: there is none. */
export async function templateFile({ folder, dagFolder }: BundleFolder, name: string): Promise<string | null> {
  const root = await realpath(folder);
  for (const from of [dagFolder, folder]) {
    const path = await realpath(join(from, name)).catch(() => null);
    if (path !== null && path.startsWith(root + sep)) return readFile(path, 'utf8');
  }
  return null;
}
