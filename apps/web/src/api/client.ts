import { client, type AcceptedResponse } from '@dagbook/api-client';

/**
 * The HTTP door of the page: the generated client on the same origin with a cookie session, and Airflow's error shapes
 * read into one value. Import it before the first call; `query.ts` and `mutation.ts` do.
 */
client.setConfig({ credentials: 'same-origin' });

// Tells the gateway that a page of this origin asks: a form of another site cannot set it.
client.interceptors.request.use((request) => {
  if (request.method !== 'GET') request.headers.set('x-requested-with', 'dagbook');
  return request;
});

client.interceptors.error.use((fault, response) => {
  if (response !== undefined) return new ApiFailure(response.status, sentenceOf(fault));
  return fault instanceof DOMException && fault.name === 'AbortError' ? fault : new ApiFailure(0, '');
});

export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  /** 0: the gateway could not be reached. 202: a change is stored, and its outcome is still to come. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The outcome of a change; when there is none yet, the gateway's sentence about it as a failure of status 202. */
export function settled<T extends object>(answer: T): Exclude<T, AcceptedResponse> {
  if (isAccepted(answer)) throw new ApiFailure(202, answer.detail);
  return answer as Exclude<T, AcceptedResponse>;
}

const isAccepted = (answer: object): answer is AcceptedResponse => 'command_id' in answer && 'detail' in answer;

/** `path` of a template tag: what is filled in is escaped, so a run id with `+` and `:` arrives as it is. */
export function path(strings: TemplateStringsArray, ...ids: readonly (string | number)[]): string {
  return strings.reduce((url, part, position) => url + encodeURIComponent(String(ids[position - 1])) + part);
}

/** FastAPI's three shapes of `detail`: a sentence, an object with a reason, or a list of refused fields. */
export function sentenceOf(body: unknown): string {
  const detail = field(body, 'detail');
  if (typeof detail === 'string') return detail;
  if (Array.isArray(detail)) {
    return detail.map((one) => {
      const loc = field(one, 'loc');
      const where = Array.isArray(loc) ? loc.filter((part) => part !== 'body').join('.') : '';
      const said = field(one, 'msg');
      const message = typeof said === 'string' ? said : '';
      return where === '' ? message : `${where}: ${message}`;
    }).join('; ');
  }
  const said = field(detail, 'message') ?? field(detail, 'reason');
  return typeof said === 'string' ? said : '';
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
