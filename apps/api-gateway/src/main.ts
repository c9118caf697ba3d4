import { HttpLogReader } from '@dagbook/logs';
import { exitOnFatal, measureJournal, openCluster, runService, systemClock } from '@dagbook/platform';
import { hashPassword } from './auth/password.ts';
import { startApiGateway } from './service.ts';
import { API_GATEWAY_SETTINGS } from './settings.ts';
import { stateStorePolicy } from './state/state-settings.ts';

await runService({
  service: 'api-gateway',
  settings: API_GATEWAY_SETTINGS,
  healthPort: (settings) => settings.healthPort,
  start: async (settings, log, metrics) => {
    const parts = await openCluster({ service: 'api-gateway', ...settings, log });
    const service = await startApiGateway({
      ...parts,
      databaseUrl: settings.databaseUrl,
      logReader: new HttpLogReader({ url: settings.logServerUrl, secret: settings.logSecret }),
      clock: systemClock,
      log,
      onFatal: exitOnFatal(log),
      config: {
        port: settings.port,
        host: settings.host,
        ...(settings.tlsPem === undefined ? {} : { tls: { port: settings.tlsPort, pem: settings.tlsPem } }),
        version: settings.version,
        webFolder: settings.webFolder,
        users: [{ username: settings.adminUsername, role: 'admin', passwordHash: await hashPassword(settings.adminPassword) }],
        jwtSecret: settings.jwtSecret,
        tokenSecret: settings.tokenSecret,
        workerSecret: settings.workerSecret,
        secretSources: { env: process.env, folder: settings.secretsFolder },
        secretKeys: settings.secretsKeys ?? null,
        testsConnections: settings.testsConnections,
        xcomStore: settings.xcomStore ?? null,
        stateStore: stateStorePolicy(settings),
        cookieIsSecure: settings.secureCookie,
      },
    });
    measureJournal(metrics, parts.stores.events);
    log.info('serves', { url: service.url });
    return { service, checks: { readModels: service.readModelsFailure }, close: parts.close };
  },
});
