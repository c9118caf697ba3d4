import { Controller, Get, Inject } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Public } from './auth/auth.guard.ts';
import { HealthInfoResponse, VersionInfo } from './dto/response.ts';
import { Operation } from './operation.ts';
import { SystemHealth } from './system-health.ts';
import { VERSION } from './token.ts';

@Controller()
export class SystemController {
  readonly #health: SystemHealth;
  readonly #version: string;
  constructor(@Inject(SystemHealth) health: SystemHealth, @Inject(VERSION) version: string) {
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
}
