import pino from 'pino';

/** A service's own log: structured lines, never a task's output. */
export interface Log {
  debug(message: string, attributes?: object): void;
  info(message: string, attributes?: object): void;
  warn(message: string, attributes?: object): void;
  error(message: string, attributes?: object): void;
  child(bindings: object): Log;
}

/** JSON lines to a file descriptor or path (1: stdout), with the service's name on each; none where several share a process. */
export function createLog(options: { service?: string; level?: string; destination?: string | number }): Log {
  const destination = pino.destination({ dest: options.destination ?? 1, sync: false, mkdir: true });
  const logger = pino(
    { level: options.level ?? 'info', base: options.service === undefined ? null : { service: options.service }, timestamp: pino.stdTimeFunctions.isoTime, messageKey: 'event' },
    destination,
  );
  return adapt(logger);
}

export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};

const adapt = (logger: pino.Logger): Log => ({
  debug: (message, attributes) => logger.debug(attributes ?? {}, message),
  info: (message, attributes) => logger.info(attributes ?? {}, message),
  warn: (message, attributes) => logger.warn(attributes ?? {}, message),
  error: (message, attributes) => logger.error(attributes ?? {}, message),
  child: (bindings) => adapt(logger.child(bindings)),
});

/** An error as attributes of a log line: its code if it has one, never only a message. */
export function errorAttributes(error: unknown): object {
  if (!(error instanceof Error)) return { error: String(error) };
  const code = (error as { code?: unknown }).code;
  return { error: error.message, ...(code === undefined ? {} : { code }), stack: error.stack };
}
