import { hostname } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { KafkaBroker } from '@dagbook/messaging';
import { exitOnFatal, integer, KAFKA_SETTINGS, kafkaAccess, list, runService, secret, type Setting, systemClock, text } from '@dagbook/platform';
import { childEnvironment } from './child-environment.ts';
import { HttpExecutionApi } from './http-execution-api.ts';
import { measureWorker } from './measure.ts';
import { startWorker } from './service.ts';

const SLOT_PATTERN = /^[A-Za-z0-9_.-]{1,100}$/;
/** A worker that has not been granted a renewal for this long is not ready; its tasks go on. */
const RENEWAL_OVERDUE_MS = 30_000;
const BUS_SILENT_MS = 60_000;

await runService({
  service: 'worker',
  settings: {
    ...KAFKA_SETTINGS,
    gatewayUrl: { env: 'DAGBOOK_WORKER_GATEWAY_URL', says: 'where the api-gateway answers, for example http://gateway:8080', parse: httpUrl },
    gatewayCa: { env: 'DAGBOOK_WORKER_GATEWAY_CA', says: 'PEM of who certifies the gateway, where this system does not trust them', parse: text, fallback: undefined, secret: true } as Setting<string | undefined>,
    workerSecret: { env: 'DAGBOOK_SECURITY_WORKER_SECRET', says: 'what the gateway knows its workers by', parse: secret, secret: true },
    slotName: { env: 'DAGBOOK_WORKER_SLOT', says: 'the name of this worker, the same at each start', parse: slotName, fallback: `${hostname()}-1` },
    queues: { env: 'DAGBOOK_WORKER_QUEUES', says: 'the queues it serves, separated by commas', parse: list, fallback: ['default'] },
    slots: { env: 'DAGBOOK_WORKER_SLOTS', says: 'most tasks at a time', parse: integer(1, 1_000), fallback: 64 },
    stateDir: { env: 'DAGBOOK_WORKER_STATE_DIR', says: 'a folder of this slot alone, kept across restarts', parse: text, fallback: join('.dagbook', 'worker') },
    heapMb: { env: 'DAGBOOK_WORKER_RUNNER_HEAP_MB', says: 'memory of a task\'s JavaScript heap, in MB; 0: as Node chooses', parse: integer(0, 1_000_000), fallback: 0 },
    passEnv: { env: 'DAGBOOK_WORKER_PASS_ENV', says: 'DAGBOOK_ variables that tasks may see', parse: list, fallback: ['DAGBOOK_OUTPUT', 'DAGBOOK_DEFAULT_TIMEZONE'] },
    healthPort: { env: 'DAGBOOK_WORKER_HEALTH_PORT', says: 'port of /livez, /readyz and /metrics; 0: any', parse: integer(0, 65_535), fallback: 0 },
    renewEveryMs: { env: 'DAGBOOK_WORKER_RENEW_EVERY_MS', says: 'how often leases are renewed', parse: integer(10, 60_000), fallback: 5_000 },
    termGraceMs: { env: 'DAGBOOK_WORKER_TERM_GRACE_MS', says: 'what an ended task has between TERM and KILL', parse: integer(0, 600_000), fallback: 10_000 },
    resendEveryMs: { env: 'DAGBOOK_WORKER_RESEND_EVERY_MS', says: 'how often an unacknowledged report is sent again', parse: integer(50, 60_000), fallback: 3_000 },
    childEntry: { env: 'DAGBOOK_WORKER_RUNNER_ENTRY', says: 'the built runner', parse: text, fallback: beside('runner.js') },
    sdkPath: { env: 'DAGBOOK_WORKER_SDK', says: 'the built SDK', parse: text, fallback: beside('../sdk/index.js') },
    version: { env: 'DAGBOOK_VERSION', says: 'shown in the list of workers', parse: text, fallback: '0.0.0' },
  },
  healthPort: (settings) => settings.healthPort,
  async start(settings, log, metrics) {
    const { slotName, queues, slots, stateDir, childEntry, sdkPath, version, heapMb } = settings;
    // Nothing else that this process speaks to over the web is certified by others; its tasks are processes of their own.
    if (settings.gatewayCa !== undefined) setDefaultCACertificates([...getCACertificates('default'), settings.gatewayCa]);
    const broker = await KafkaBroker.connect({ ...kafkaAccess(settings), service: 'worker', nowMs: () => systemClock.nowMs(), log });
    const service = await startWorker({
      broker,
      executionApi: new HttpExecutionApi({ baseUrl: settings.gatewayUrl, workerSecret: settings.workerSecret }),
      options: {
        slotName, queues, slots, stateDir, childEntry, sdkPath, version,
        hostname: hostname(),
        childEnv: childEnvironment(process.env, settings.passEnv),
        ...(heapMb === 0 ? {} : { runnerHeapMb: heapMb }),
        timing: { renewEveryMs: settings.renewEveryMs, termGraceMs: settings.termGraceMs, resendEveryMs: settings.resendEveryMs },
      },
      clock: systemClock,
      log,
      onFatal: exitOnFatal(log),
    });
    measureWorker(metrics, service);
    return {
      service,
      checks: {
        bus: () => (service.busProgressAgeMs() > BUS_SILENT_MS ? 'the bus has been silent for a minute' : undefined),
        lease: () => {
          const ago = service.stats().renewalGrantedAgoMs;
          return ago === undefined || ago > RENEWAL_OVERDUE_MS ? 'no dispatcher has granted a renewal lately' : undefined;
        },
        runners: () => (service.stats().failedRunnerStarts > 3 ? 'task processes die as they start' : undefined),
      },
      close: () => broker.close(),
    };
  },
});

function beside(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}

function slotName(value: string): string {
  if (!SLOT_PATTERN.test(value)) throw new Error(`is "${value}", but must be at most 100 letters, digits, "_", "." and "-": it names a topic`);
  return value;
}

function httpUrl(value: string): string {
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) throw new Error(`is "${value}", but must be a URL that begins with http:// or https://`);
  return value;
}
