import { Inject, Injectable } from '@nestjs/common';

@Injectable()
export class Keeper {
  constructor(
    @Inject('log') readonly log: unknown,
    @Inject('clock') readonly clock: unknown,
  ) {}
}

/** Not made by Nest. */
export class Ledger {
  constructor(readonly clock: unknown) {}
}
