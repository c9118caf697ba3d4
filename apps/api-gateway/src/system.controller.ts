import { Controller, Get, Inject } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { DEFAULT_POOL } from '@dagbook/domain';
import { poolUse } from '@dagbook/read-models';
import { Public } from './auth/auth.guard.ts';
import { HealthInfoResponse, PoolCollectionResponse, VersionInfo } from './dto/response.ts';
import { Operation } from './operation.ts';
import { Reader } from './reader.ts';
import { SystemHealth } from './system-health.ts';
import { VERSION } from './token.ts';

/** What a pool has unless it is declared otherwise, as in Airflow. */
const POOL_SLOTS = 128;

@Controller()
export class SystemController {
  readonly #reader: Reader;
  readonly #health: SystemHealth;
  readonly #version: string;
  constructor(@Inject(Reader) reader: Reader, @Inject(SystemHealth) health: SystemHealth, @Inject(VERSION) version: string) {
    this.#reader = reader;
    this.#health = health;
    this.#version = version;
  }

  @Public()
  @Get('api/v2/version')
  @ApiTags('Version')
  @Operation({ id: 'get_version', summary: 'The version that runs', answers: VersionInfo })
  version(): VersionInfo {
    return { version: this.#version, git_version: null };
  }

  /** Always 200, as in Airflow; probes ask `/readyz`. */
  @Public()
  @Get('api/v2/monitor/health')
  @ApiTags('Monitor')
  @Operation({ id: 'get_health', summary: 'Health of the services', answers: HealthInfoResponse })
  async health(): Promise<HealthInfoResponse> {
    return this.#health.report();
  }

  @Get('api/v2/pools')
  @ApiTags('Pool')
  @ApiBearerAuth()
  @Operation({ id: 'get_pools', summary: 'Pools and how full they are', answers: PoolCollectionResponse })
  async pools(): Promise<PoolCollectionResponse> {
    const use = new Map((await poolUse(this.#reader.db)).map((row) => [row.pool, row.slots]));
    const pools = [...new Set([DEFAULT_POOL, ...use.keys()])].map((name) => {
      const occupied = use.get(name) ?? 0;
      return {
        name, slots: POOL_SLOTS, description: null, include_deferred: false, team_name: null, occupied_slots: occupied,
        running_slots: occupied, queued_slots: 0, scheduled_slots: 0, open_slots: Math.max(0, POOL_SLOTS - occupied), deferred_slots: 0,
      };
    });
    return { pools, total_entries: pools.length };
  }
}
