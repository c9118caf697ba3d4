/**
 * A part that cannot start for a reason a person can mend. `message` says what is wrong, `remedy` what to do about it;
 * whoever prints one prints both sentences and no stack.
 */
export class PartFault extends Error {
  readonly code: string;
  readonly remedy: string;
  constructor(code: string, message: string, remedy: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'PartFault';
    this.code = code;
    this.remedy = remedy;
  }
}
