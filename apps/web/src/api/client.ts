/** The HTTP door of the page: same origin, cookie session, Airflow's error shapes read into one value. */

export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  /** 0: the gateway could not be reached. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

type Query = Readonly<Record<string, string | number | boolean | null | undefined | readonly string[]>>;

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PATCH';
  readonly query?: Query;
  readonly body?: unknown;
  readonly accept?: string;
  readonly signal?: AbortSignal;
}

/** `path` of a template tag: what is filled in is escaped, so a run id with `+` and `:` arrives as it is. */
export function path(strings: TemplateStringsArray, ...ids: readonly (string | number)[]): string {
  return strings.reduce((url, part, position) => url + encodeURIComponent(String(ids[position - 1])) + part);
}

export async function request<T>(url: string, options: ApiRequest = {}): Promise<T> {
  const response = await send(url, options);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** The body as it comes, for downloads. */
export async function requestText(url: string, options: ApiRequest = {}): Promise<string> {
  return (await send(url, options)).text();
}

async function send(url: string, options: ApiRequest): Promise<Response> {
  const headers: Record<string, string> = { accept: options.accept ?? 'application/json' };
  // Tells the gateway that a page of this origin asks: a form of another site cannot set it.
  if (options.method !== undefined && options.method !== 'GET') headers['x-requested-with'] = 'dagbook';
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(url + queryString(options.query ?? {}), {
      method: options.method ?? 'GET',
      headers,
      credentials: 'same-origin',
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  } catch (fault) {
    if (fault instanceof DOMException && fault.name === 'AbortError') throw fault;
    throw new ApiFailure(0, '');
  }
  if (!response.ok) throw new ApiFailure(response.status, sentenceOf(await response.text()));
  return response;
}

export function queryString(query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}

/** FastAPI's three shapes of `detail`: a sentence, an object with a reason, or a list of refused fields. */
export function sentenceOf(body: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return '';
  }
  const detail = field(parsed, 'detail');
  if (typeof detail === 'string') return detail;
  if (Array.isArray(detail)) {
    return detail.map((one) => {
      const loc = field(one, 'loc');
      const where = Array.isArray(loc) ? loc.filter((part) => part !== 'body').join('.') : '';
      const message = String(field(one, 'msg') ?? '');
      return where === '' ? message : `${where}: ${message}`;
    }).join('; ');
  }
  const said = field(detail, 'message') ?? field(detail, 'reason');
  return typeof said === 'string' ? said : '';
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
