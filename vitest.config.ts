import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const rooms = ['domain', 'contracts', 'event-store', 'messaging', 'read-models', 'templates', 'operators', 'platform', 'sdk', 'bundles', 'api-client', 'parts', 'object-store', 'logs', 'testkit'];
const alias = Object.fromEntries(
  rooms.map((room) => [`@dagbook/${room}`, fileURLToPath(new URL(`./libs/${room}/src/index.ts`, import.meta.url))]),
);

/**
 * unit: nothing but the code (`*.spec.ts`); int: real Postgres, Kafka and processes (`*.int.spec.ts`); e2e: the whole
 * product (`test/**`). `npm test` runs all three. What drives real engines, brokers and browsers may meet a hiccup of the machine: such a test
 * is given one more try, which a defect does not survive.
 */
export default defineConfig({
  resolve: { alias },
  // Nest needs the decorators of TypeScript, which esbuild also makes when it bundles.
  oxc: { decorator: { legacy: true } },
  test: {
    projects: [
      { extends: true, test: { name: 'unit', include: ['{libs,apps,tools}/**/*.spec.ts'], exclude: ['**/*.int.spec.ts', '**/*.type.spec.ts', '**/known-bad/**', '**/known-good/**', '**/node_modules/**', '**/dist/**'], testTimeout: 20_000 } },
      { extends: true, test: { name: 'int', include: ['{libs,apps,tools}/**/*.int.spec.ts'], exclude: ['**/node_modules/**'], testTimeout: 60_000, hookTimeout: 120_000, retry: 1 } },
      { extends: true, test: { name: 'e2e', include: ['test/{e2e,conformance,golden,fault,simulation}/**/*.spec.ts'], exclude: ['**/node_modules/**'], testTimeout: 120_000, hookTimeout: 180_000, retry: 1, fileParallelism: false } },
      // `npm run two-hosts`: builds the image, which takes minutes the first time.
      { extends: true, test: { name: 'deploy', include: ['test/deploy/**/*.spec.ts'], exclude: ['**/node_modules/**'], testTimeout: 240_000, hookTimeout: 900_000 } },
    ],
  },
});
