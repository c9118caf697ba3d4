import { DAG_PARTITIONS } from '@dagbook/contracts';
import { ownedParts, type Queryable } from '@dagbook/read-models';
import type { Clock } from '@dagbook/platform';
import type { HealthInfoResponse } from './dto/response.ts';
import type { ReadModelFeed } from './read-model-feed.ts';
import { instant } from './view/instant.ts';

/** What the services' own locks in Postgres tell of them: nobody is asked, so nobody who hangs can answer well. */
export class SystemHealth {
  readonly #db: Queryable;
  readonly #feed: ReadModelFeed;
  readonly #clock: Clock;
  constructor(options: { db: Queryable; feed: ReadModelFeed; clock: Clock }) {
    this.#db = options.db;
    this.#feed = options.feed;
    this.#clock = options.clock;
  }

  async report(): Promise<HealthInfoResponse> {
    const owned = await ownedParts(this.#db).catch(() => null);
    const now = instant(this.#clock.nowMs());
    const isScheduling = owned !== null && owned.partitions === DAG_PARTITIONS && owned.dispatcherLeads;
    const scheduler = { status: wellOrNot(isScheduling), latest_scheduler_heartbeat: isScheduling ? now : null };
    return {
      metadatabase: { status: wellOrNot(owned !== null && this.#feed.failure === undefined) },
      scheduler,
      // Deferred triggers run in workers and DAG files are parsed by the scheduler: Airflow's names, our places.
      triggerer: { status: scheduler.status, latest_triggerer_heartbeat: scheduler.latest_scheduler_heartbeat },
      dag_processor: { status: scheduler.status, latest_dag_processor_heartbeat: scheduler.latest_scheduler_heartbeat },
    };
  }
}

const wellOrNot = (isWell: boolean): 'healthy' | 'unhealthy' => (isWell ? 'healthy' : 'unhealthy');
