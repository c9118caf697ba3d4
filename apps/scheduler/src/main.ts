import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BundleConfig, DEFAULT_BUNDLE, readBundles } from '@dagbook/bundles';
import { CLUSTER_SETTINGS, exitOnFatal, integer, KAFKA_SETTINGS, noSpans, oneOf, openCluster, otlpSpans, runService, type Setting, systemClock, text } from '@dagbook/platform';
import { bundleSources } from './bundle-sources.ts';
import { startScheduler } from './service.ts';

const { databaseUrl, databaseConnections, tokenSecret, healthPort, otlpEndpoint } = CLUSTER_SETTINGS;

/** Beside this file in dist/. */
const built = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

await runService({
  service: 'scheduler',
  settings: {
    ...KAFKA_SETTINGS, databaseUrl, databaseConnections, tokenSecret, healthPort, otlpEndpoint,
    dagFolder: { env: 'DAGBOOK_BUNDLE_FOLDER', says: 'folder in which DAG files are found', parse: text, fallback: 'dags' },
    bundles: { env: 'DAGBOOK_BUNDLES', says: 'where DAG files come from when it is more than that folder: a JSON list, see docs/bundles.md', parse: readBundles, fallback: [] as readonly BundleConfig[], secret: true },
    stateDir: { env: 'DAGBOOK_SCHEDULER_STATE_DIR', says: 'a folder for what is fetched from git and S3, kept across restarts', parse: text, fallback: join('.dagbook', 'scheduler') },
    defaultTimezone: { env: 'DAGBOOK_DEFAULT_TIMEZONE', says: 'IANA zone of DAGs that name none', parse: text, fallback: 'UTC' },
    pausedAtCreation: { env: 'DAGBOOK_DAGS_PAUSED_AT_CREATION', says: 'whether new DAGs wait until they are unpaused, but for those that say false themselves', parse: oneOf('true', 'false'), fallback: 'false' } as Setting<'true' | 'false'>,
    ownershipEveryMs: { env: 'DAGBOOK_SCHEDULER_OWNERSHIP_EVERY_MS', says: 'how often free partitions are tried for', parse: integer(20, 60_000), fallback: 200 },
  },
  healthPort: (settings) => settings.healthPort,
  start: async (settings, log, metrics) => {
    const parts = await openCluster({ service: 'scheduler', ...settings, log });
    const service = await startScheduler({
      ...parts,
      bundles: bundleSources({
        bundles: settings.bundles.length > 0 ? settings.bundles : [{ name: DEFAULT_BUNDLE, kind: 'folder', path: settings.dagFolder }],
        stateDir: settings.stateDir,
        scanning: { timezone: settings.defaultTimezone, sdkPath: built('../sdk/index.js'), childPath: built('../bundles/parse-child.js') },
        states: parts.stores.bundles,
        clock: systemClock,
        log,
      }),
      tokenSecret: settings.tokenSecret,
      spans: settings.otlpEndpoint === undefined ? noSpans : otlpSpans({ endpoint: settings.otlpEndpoint, service: 'scheduler' }),
      ownershipEveryMs: settings.ownershipEveryMs,
      pausedAtCreation: settings.pausedAtCreation === 'true',
      relay: true,
      metrics,
      clock: systemClock,
      log,
      onFatal: exitOnFatal(log),
    });
    return { service, checks: { partitions: () => (service.ownedPartitions() > 0 ? undefined : 'owns none yet (another scheduler may hold them all)') }, close: parts.close };
  },
});
