import { Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { isRejected } from '@dagbook/domain';
import { Caller } from '../auth/auth.guard.ts';
import type { Principal } from '../auth/token-desk.ts';
import { RotateSecretsResponse } from '../dto/secret.ts';
import { Operation } from '../operation.ts';
import { opened, refused, requireOperator } from './secret-access.ts';
import { SecretStore } from './secret-store.ts';

/** Dagbook's own: the keys that connections and variables are sealed with. */
@ApiTags('Secret')
@ApiBearerAuth()
@Controller('api/v2/secrets')
export class SecretController {
  readonly #store: SecretStore;
  constructor(@Inject(SecretStore) store: SecretStore) {
    this.#store = store;
  }

  @Post('rotate')
  @HttpCode(200)
  @Operation({ id: 'rotate_secrets', summary: 'Seal every connection and variable with the newest key', answers: RotateSecretsResponse })
  async rotate(@Caller() caller: Principal): Promise<RotateSecretsResponse> {
    requireOperator(caller);
    const done = await opened(this.#store.rotate(caller.username));
    if (isRejected(done)) throw refused(done);
    return { resealed: done.resealed, total: done.total, key_id: done.keyId };
  }
}
