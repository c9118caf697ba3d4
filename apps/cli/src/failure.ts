/** Why a command ends without success, and the exit code by which a script tells. */
export const EXIT = { ok: 0, failed: 1, usage: 2, auth: 3, notFound: 4, unreachable: 5, interrupted: 130 } as const;

type FailureKind = Exclude<keyof typeof EXIT, 'ok'>;

/** A command's end without success: a sentence for a person, and what to do. Printed to stderr without a stack. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure';
  readonly kind: FailureKind;
  readonly remedy: string | undefined;

  constructor(kind: FailureKind, sentence: string, remedy?: string) {
    super(sentence);
    this.kind = kind;
    this.remedy = remedy;
  }
}

/** What an answer of the API that is not success means to a script. `status` 0: there was no answer. */
export function kindOfStatus(status: number): FailureKind {
  if (status === 401 || status === 403) return 'auth';
  if (status === 404) return 'notFound';
  if (status === 400 || status === 413 || status === 415 || status === 422) return 'usage';
  if (status === 0 || status === 502 || status === 503 || status === 504) return 'unreachable';
  return 'failed';
}

/** FastAPI's two shapes of `detail`: a sentence, or a list of refused fields with the rule that each breaks. */
export function sentenceOf(body: unknown): string {
  const detail = memberOf(body, 'detail');
  if (typeof detail === 'string') return detail;
  if (!Array.isArray(detail)) return '';
  return detail.map((problem: unknown) => {
    const loc = memberOf(problem, 'loc');
    const field = Array.isArray(loc) ? loc.slice(1).join('.') : '';
    const given = memberOf(problem, 'input');
    const rule = memberOf(problem, 'msg');
    return `${field === '' ? '' : `${field}: `}${typeof rule === 'string' ? rule : 'it is refused'}${given === undefined ? '' : ` (given: ${JSON.stringify(given)})`}`;
  }).join('; ');
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
