import { defineConfig } from '@hey-api/openapi-ts';

/** `node tools/verify/client.mjs --write`: the client of the gateway's own document. Its output is committed. */
export default defineConfig({
  input: 'apps/api-gateway/openapi.json',
  output: { path: 'libs/api-client/src/generated', importFileExtension: '.ts' },
  plugins: ['@hey-api/typescript', { name: '@hey-api/sdk', responseStyle: 'data' }, { name: '@hey-api/client-fetch', throwOnError: true }],
});
