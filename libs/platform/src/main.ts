import { ConfigError, readSettings, type Setting, type Settings } from './config.ts';
import { HealthServer, type HealthChecks } from './health.ts';
import { createLog, errorAttributes, type Log } from './log.ts';
import { Metrics } from './metrics.ts';
import type { RunningService } from './service.ts';

/** What a service's `main.ts` says of itself; the rest of a process's life is the same for all five. */
export interface ServiceMain<Spec extends Record<string, Setting<unknown>>> {
  readonly service: RunningService['name'];
  readonly settings: Spec;
  readonly healthPort: (settings: Settings<Spec>) => number;
  readonly start: (settings: Settings<Spec>, log: Log, metrics: Metrics) => Promise<StartedService>;
}

export interface StartedService {
  readonly service: RunningService;
  readonly checks: HealthChecks;
  /** Closes what was made for the service, after it has stopped. */
  readonly close: () => Promise<void>;
}

/**
 * A service's process: settings → start → health → until SIGTERM or SIGINT, then drain and exit 0. Settings that do
 * not hold exit with 2 and a sentence for each; a second signal does not wait.
 */
export async function runService<Spec extends Record<string, Setting<unknown>>>(main: ServiceMain<Spec>): Promise<void> {
  const settings = settingsOrExit(main);
  const log = createLog({ service: main.service });
  const metrics = new Metrics(main.service);
  metrics.collectProcess();
  const started = await main.start(settings, log, metrics).catch((error: unknown) => {
    log.error('could not start', errorAttributes(error));
    process.stderr.write(`${main.service}: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(error instanceof ConfigError ? 2 : 1);
  });
  const health = new HealthServer({ checks: started.checks, metrics });
  const port = await health.listen(main.healthPort(settings), '0.0.0.0');
  log.info('up', { healthPort: port, pid: process.pid });

  let signals = 0;
  const stop = async (signal: string): Promise<void> => {
    if (++signals > 1) process.exit(130);
    log.info('draining', { signal });
    await started.service.stop();
    await started.close();
    await health.close();
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop('SIGTERM'));
  process.on('SIGINT', () => void stop('SIGINT'));
}

function settingsOrExit<Spec extends Record<string, Setting<unknown>>>(main: ServiceMain<Spec>): Settings<Spec> {
  try {
    return readSettings(main.settings, process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${main.service}: ${error.message}\n`);
    process.exit(2);
  }
}

/** For a listener beyond mending: better to exit and be started again than to stay up deaf. */
export const exitOnFatal =
  (log: Log) =>
  (error: unknown): void => {
    log.error('the bus listener is beyond mending: the process exits to be started anew', errorAttributes(error));
    process.exitCode = 1;
    setImmediate(() => process.exit(1));
  };
