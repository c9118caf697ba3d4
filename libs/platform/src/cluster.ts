import { openPostgresStores, type EventStore, type PostgresStores } from '@dagbook/event-store';
import { KafkaBroker, PostgresMessageAttempts, type MessageBroker } from '@dagbook/messaging';
import type { Service } from '@dagbook/contracts';
import { integer, secret, text, type Setting } from './config.ts';
import { kafkaAccess, type KafkaSettings } from './kafka-access.ts';
import { systemClock } from './clock.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

const setting = <T>(value: Setting<T>): Setting<T> => value;

/** Settings that services of a cluster share, by the name under which a `main.ts` picks them. */
export const CLUSTER_SETTINGS = {
  databaseUrl: setting({ env: 'DAGBOOK_DATABASE_URL', says: 'postgres://user:password@host:port/database of the journal', parse: text, secret: true }),
  databaseConnections: setting({ env: 'DAGBOOK_DATABASE_CONNECTIONS', says: 'connections of this service to Postgres', parse: integer(2, 200), fallback: 8 }),
  tokenSecret: setting({ env: 'DAGBOOK_SECURITY_TOKEN_SECRET', says: 'signs attempt tokens: the same for scheduler, dispatcher and gateway', parse: secret, secret: true }),
  healthPort: setting({ env: 'DAGBOOK_HEALTH_PORT', says: 'port of /livez, /readyz and /metrics (0: a free one)', parse: integer(0, 65_535), fallback: 0 }),
  otlpEndpoint: setting<string | undefined>({ env: 'DAGBOOK_OTLP_TRACES_ENDPOINT', says: 'where traces go by OTLP over HTTP; none without it', parse: text, fallback: undefined }),
} as const;

export interface ClusterParts {
  readonly stores: PostgresStores;
  readonly broker: MessageBroker;
  close(): Promise<void>;
}

/** How far behind the newest events readers of the feed are kept by transactions that still run. */
export function measureJournal(metrics: Metrics, events: EventStore): void {
  metrics.gauge('dagbook_feed_lag_seconds', 'Age of the oldest event that the feed still hides', () => events.feedLagSeconds());
}

/** Opens the journal and the bus for a service that has both. */
export async function openCluster(options: KafkaSettings & {
  readonly service: Service;
  readonly databaseUrl: string;
  readonly databaseConnections: number;
  /** Whom the broker takes for a worker; only a service that may give rights names it. */
  readonly workerPrincipal?: string | undefined;
  /** Hosts whose workers have a principal of their own. */
  readonly workerHosts?: readonly string[];
  readonly log: Log;
}): Promise<ClusterParts> {
  const { service, log } = options;
  const stores = await openPostgresStores({ url: options.databaseUrl, maxConnections: options.databaseConnections, applicationName: `dagbook-${service}` });
  const { workerPrincipal, workerHosts = [] } = options;
  const broker = await KafkaBroker.connect({ ...kafkaAccess(options), ...(workerPrincipal === undefined ? {} : { workerPrincipal, workerHosts }), service, nowMs: systemClock.nowMs, log, attempts: new PostgresMessageAttempts(stores.pool) });
  return {
    stores,
    broker,
    close: async () => {
      await broker.close();
      await stores.close();
    },
  };
}
