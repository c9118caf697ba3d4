import { defineConfig } from '@hey-api/openapi-ts';

/** `npx openapi-ts -f apps/cli/openapi-ts.config.ts`: the client of the gateway's own document. Its output is committed. */
export default defineConfig({
  input: 'apps/api-gateway/openapi.json',
  output: { path: 'apps/cli/src/api/generated', importFileExtension: '.ts' },
  plugins: ['@hey-api/typescript', { name: '@hey-api/sdk', responseStyle: 'data' }, { name: '@hey-api/client-fetch', throwOnError: true }],
});
