/** Something that an author wrote and that cannot work: where it stands, what it is, the rule it breaks and what to do. */
export interface Problem {
  /** As in `schedule.cron` or `tasks.load.retries`. */
  readonly field: string;
  /** The value as JSON, cut to a readable length. */
  readonly value: string;
  readonly rule: string;
  readonly remedy: string;
}

const SHOWN_LENGTH = 120;

export const problem = (field: string, value: unknown, rule: string, remedy: string): Problem => ({ field, value: shown(value), rule, remedy });

/** The problem in one sentence and its remedy in another. */
export const problemText = ({ field, value, rule, remedy }: Problem): string => `${field} ${value === '' ? '' : `is ${value}, which `}${rule}; ${remedy}.`;

function shown(value: unknown): string {
  // A text of many megabytes is cut before it is quoted.
  const text = JSON.stringify(typeof value === 'string' ? value.slice(0, SHOWN_LENGTH + 1) : value) ?? '';
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
}
