import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The built SDK brings the operators along, so that `dag.test` executes them; the SDK itself must not know them. */
const ENTRY = `
export * from '@dagbook/sdk';
import { provideOperators } from '@dagbook/sdk';
import { operators } from '@dagbook/operators';
provideOperators(operators);
`;

/**
 * Builds the SDK into the one file that bundles import at run time. Called by the release build and by tests; `root` is
 * the checkout, default: where this source stands.
 */
export async function buildSdk(outFile: string, root: string = join(dirname(fileURLToPath(import.meta.url)), '../../..')): Promise<void> {
  const { build } = await import('esbuild');
  await build({
    stdin: { contents: ENTRY, resolveDir: root, sourcefile: 'sdk-entry.ts', loader: 'ts' },
    outfile: outFile, bundle: true, format: 'esm', platform: 'node', target: 'node24',
    tsconfig: join(root, 'tsconfig.base.json'), logLevel: 'silent', legalComments: 'none',
    // Drivers of operators, imported by those that run one: found beside the SDK, not inside it.
    external: ['pg', 'dockerode', 'nodemailer', '@aws-sdk/*'],
  });
}
