import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

/** DAG code keeps `@dagbook/sdk` as an import, so that all bundles in a process share one, loaded once. */
export function resolveSdk(sdkPath: string): void {
  const url = pathToFileURL(sdkPath).href;
  registerHooks({
    resolve: (specifier, context, next) => (specifier === '@dagbook/sdk' ? { url, format: 'module', shortCircuit: true } : next(specifier, context)),
  });
}
