import { KafkaBroker } from '@dagbook/messaging';
import { CLUSTER_SETTINGS, exitOnFatal, integer, KAFKA_SETTINGS, kafkaAccess, runService, secret, type Setting, systemClock, text } from '@dagbook/platform';
import { startLogServer } from './service.ts';

const BUS_SILENT_MS = 60_000;
const { healthPort } = CLUSTER_SETTINGS;

await runService({
  service: 'log-server',
  settings: {
    ...KAFKA_SETTINGS,
    healthPort,
    folder: { env: 'DAGBOOK_LOG_FOLDER', says: 'where task logs lie, a folder of one log-server', parse: text, fallback: '.dagbook/logs' },
    logStore: { env: 'DAGBOOK_LOG_STORE', says: 'where logs go when they have ended, s3://bucket/prefix; default: they stay in the folder', parse: text, fallback: undefined } as Setting<string | undefined>,
    host: { env: 'DAGBOOK_LOG_HOST', says: 'address that readers reach it at', parse: text, fallback: '0.0.0.0' },
    port: { env: 'DAGBOOK_LOG_PORT', says: 'port that readers reach it at', parse: integer(0, 65_535), fallback: 8_090 },
    readerSecret: { env: 'DAGBOOK_SECURITY_LOG_SECRET', says: 'what log-server knows its readers by: the same for the gateway', parse: secret, secret: true },
  },
  healthPort: (settings) => settings.healthPort,
  start: async (settings, log) => {
    const broker = await KafkaBroker.connect({ ...kafkaAccess(settings), service: 'log-server', nowMs: () => systemClock.nowMs(), log });
    const { folder, logStore, host, port, readerSecret } = settings;
    const service = await startLogServer({ broker, folder, ...(logStore === undefined ? {} : { logStore }), clock: systemClock, log, http: { host, port, secret: readerSecret }, onFatal: exitOnFatal(log) });
    log.info('serves logs', { url: service.url, folder });
    return {
      service,
      checks: { disk: () => service.fault(), bus: () => (service.progressAgeMs() > BUS_SILENT_MS ? `nothing heard from Kafka for ${Math.round(service.progressAgeMs() / 1_000)} s` : undefined) },
      close: () => broker.close(),
    };
  },
});
