import { fileURLToPath } from 'node:url';
import { CLUSTER_SETTINGS, exitOnFatal, integer, noSpans, openCluster, otlpSpans, runService, systemClock, text } from '@dagbook/platform';
import { folderBundles } from './folder-bundles.ts';
import { startScheduler } from './service.ts';

const { databaseUrl, databaseConnections, kafkaBrokers, tokenSecret, healthPort, otlpEndpoint } = CLUSTER_SETTINGS;

/** Beside this file in dist/. */
const built = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

await runService({
  service: 'scheduler',
  settings: {
    databaseUrl, databaseConnections, kafkaBrokers, tokenSecret, healthPort, otlpEndpoint,
    dagFolder: { env: 'DAGBOOK_BUNDLE_FOLDER', says: 'folder in which DAG files are found', parse: text, fallback: 'dags' },
    defaultTimezone: { env: 'DAGBOOK_DEFAULT_TIMEZONE', says: 'IANA zone of DAGs that name none', parse: text, fallback: 'UTC' },
    ownershipEveryMs: { env: 'DAGBOOK_SCHEDULER_OWNERSHIP_EVERY_MS', says: 'how often free partitions are tried for', parse: integer(20, 60_000), fallback: 200 },
  },
  healthPort: (settings) => settings.healthPort,
  start: async (settings, log, metrics) => {
    const parts = await openCluster({ service: 'scheduler', ...settings, log });
    const service = await startScheduler({
      ...parts,
      bundles: folderBundles({ folder: settings.dagFolder, timezone: settings.defaultTimezone, sdkPath: built('../sdk/index.js'), childPath: built('../bundles/parse-child.js'), log }),
      tokenSecret: settings.tokenSecret,
      spans: settings.otlpEndpoint === undefined ? noSpans : otlpSpans({ endpoint: settings.otlpEndpoint, service: 'scheduler' }),
      ownershipEveryMs: settings.ownershipEveryMs,
      relay: true,
      metrics,
      clock: systemClock,
      log,
      onFatal: exitOnFatal(log),
    });
    return { service, checks: { partitions: () => (service.ownedPartitions() > 0 ? undefined : 'owns none yet (another scheduler may hold them all)') }, close: parts.close };
  },
});
