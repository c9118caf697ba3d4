import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Builds the SDK into the one file that bundles import at run time. Called by the release build and by tests; `root` is
 * the checkout, default: where this source stands.
 */
export async function buildSdk(outFile: string, root: string = join(dirname(fileURLToPath(import.meta.url)), '../../..')): Promise<void> {
  const { build } = await import('esbuild');
  await build({
    entryPoints: [join(root, 'libs/sdk/src/index.ts')], outfile: outFile, bundle: true, format: 'esm', platform: 'node', target: 'node24',
    tsconfig: join(root, 'tsconfig.base.json'), logLevel: 'silent', legalComments: 'none',
  });
}
