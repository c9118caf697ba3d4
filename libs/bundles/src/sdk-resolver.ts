import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

/**
 * Makes `import '@dagbook/sdk'` in a bundle mean the SDK of this release, given as the path of its built file. Every
 * process that evaluates bundles calls it once, before the first. A bundle does not carry the SDK: it would be a
 * hundred times the size, and an old run could not be run by a newer worker.
 */
export function installSdkResolver(sdkPath: string): void {
  const url = pathToFileURL(sdkPath).href;
  registerHooks({
    resolve: (specifier, context, next) => (specifier === '@dagbook/sdk' ? { url, format: 'module', shortCircuit: true } : next(specifier, context)),
  });
}
