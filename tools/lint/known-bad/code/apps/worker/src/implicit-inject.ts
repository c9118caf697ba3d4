import { Inject, Injectable } from '@nestjs/common';

@Injectable()
export class Keeper {
  constructor(
    @Inject('log') readonly log: unknown,
    readonly clock: unknown, // ← dagbook/explicit-inject
  ) {}
}

export class Wide {
  constructor(readonly a: 1, readonly b: 2, readonly c: 3, readonly d: 4, readonly e: 5, readonly f: 6, readonly g: 7) {} // ← dagbook/narrow-constructor
}
