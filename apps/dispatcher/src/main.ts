import { CLUSTER_SETTINGS, exitOnFatal, hosts, integer, KAFKA_SETTINGS, openCluster, pools, runService, type Setting, systemClock, text } from '@dagbook/platform';
import { startDispatcher } from './service.ts';

const { databaseUrl, databaseConnections, tokenSecret, healthPort } = CLUSTER_SETTINGS;

await runService({
  service: 'dispatcher',
  settings: {
    ...KAFKA_SETTINGS, databaseUrl, databaseConnections, tokenSecret, healthPort,
    checkEveryMs: { env: 'DAGBOOK_DISPATCHER_CHECK_EVERY_MS', says: 'how often leases are looked at', parse: integer(50, 60_000), fallback: 1_000 },
    workerPrincipal: { env: 'DAGBOOK_KAFKA_WORKER_PRINCIPAL', says: 'whom a broker with an authorizer takes for a worker, for example User:CN=dagbook-worker: it is given a worker\'s rights', parse: text, fallback: undefined } as Setting<string | undefined>,
    workerHosts: { env: 'DAGBOOK_KAFKA_WORKER_HOSTS', says: 'hosts whose workers each have a principal of their own, <DAGBOOK_KAFKA_WORKER_PRINCIPAL>-<host>, names with commas between; none: they share the one', parse: hosts, fallback: [] },
    pools: { env: 'DAGBOOK_POOLS', says: 'pools to begin with, name=slots with commas between; afterwards they are changed through the API', parse: pools, fallback: [] },
    unreachableAfterMs: { env: 'DAGBOOK_DISPATCHER_UNREACHABLE_AFTER_MS', says: 'silence after which a worker gets no new work', parse: integer(1_000, 600_000), fallback: 30_000 },
  },
  healthPort: (settings) => settings.healthPort,
  start: async (settings, log, metrics) => {
    const parts = await openCluster({ service: 'dispatcher', ...settings, log });
    const { checkEveryMs, unreachableAfterMs, pools: declared } = settings;
    const service = await startDispatcher({ ...parts, tokenSecret: settings.tokenSecret, checkEveryMs, unreachableAfterMs, pools: declared, metrics, clock: systemClock, log, onFatal: exitOnFatal(log) });
    return { service, checks: {}, close: parts.close };
  },
});
