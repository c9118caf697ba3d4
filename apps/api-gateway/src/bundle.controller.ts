import { Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { BundleStore } from '@dagbook/event-store';
import { BundleCollectionResponse } from './dto/bundle.ts';
import { notFound } from './error/api-error.ts';
import { Operation } from './operation.ts';
import { BUNDLES } from './token.ts';
import { instantOrNull } from './view/instant.ts';

/** Dagbook's own: where DAG files come from. */
@ApiTags('Bundle')
@ApiBearerAuth()
@Controller('api/v2/bundles')
export class BundleController {
  readonly #bundles: BundleStore;
  constructor(@Inject(BUNDLES) bundles: BundleStore) {
    this.#bundles = bundles;
  }

  @Get()
  @Operation({ id: 'get_bundles', summary: 'Where DAG files come from, and how the last look at each source went', answers: BundleCollectionResponse })
  async list(): Promise<BundleCollectionResponse> {
    const bundles = await this.#bundles.list();
    return {
      bundles: bundles.map(({ name, kind, location, ref, version, syncedAtMs, checkedAtMs, problem }) => ({ bundle_name: name, kind, location, ref, version, last_synced: instantOrNull(syncedAtMs), last_checked: instantOrNull(checkedAtMs), problem })),
      total_entries: bundles.length,
    };
  }

  /** It is looked at within a second; `last_checked` of the list tells when. */
  @Post(':bundle_name/sync')
  @HttpCode(204)
  @Operation({ id: 'sync_bundle', summary: 'Look at a bundle\'s source now', answers: null, status: 204 })
  async sync(@Param('bundle_name') name: string): Promise<void> {
    if (!(await this.#bundles.askSync(name))) throw notFound(`There is no bundle ${name}`);
  }
}
