import { judgeContainer, judgeEntered, type Mounted, PROTECTED_LABEL, refusal, type ResolvePath } from './container-rule.ts';
import type { SitePolicy } from './site-policy.ts';

/** What must be known of a container before a request about it may pass. */
export interface KnownContainer {
  readonly name: string;
  readonly labels: { readonly [name: string]: string };
  readonly hostConfig: { readonly [name: string]: unknown };
  readonly mounts: readonly Mounted[];
}

/** What becomes of a request, judged by method and path alone. */
export type Admission =
  | { readonly kind: 'pass' }
  | { readonly kind: 'refuse'; readonly message: string }
  /** Its body decides. */
  | { readonly kind: 'body'; readonly judge: (body: { readonly [name: string]: unknown }, policy: SitePolicy, resolve: ResolvePath) => string | undefined }
  /** The container that it is about decides, and its body when it has one. */
  | { readonly kind: 'container'; readonly id: string; readonly enters: boolean; readonly judge?: (body: { readonly [name: string]: unknown }) => string | undefined }
  /** The container that the command runs in decides. */
  | { readonly kind: 'execution'; readonly id: string }
  /** Whether Dagbook runs from it decides. */
  | { readonly kind: 'image'; readonly name: string };

const ID = '[A-Za-z0-9][A-Za-z0-9_.-]*';
const IMAGE = '[A-Za-z0-9][A-Za-z0-9_./:@-]*';

interface Endpoint {
  readonly method: string;
  readonly path: RegExp;
  readonly admit: (id: string, query: URLSearchParams) => Admission;
}

const pass = (): Admission => ({ kind: 'pass' });
const ofContainer = (id: string): Admission => ({ kind: 'container', id, enters: false });
const ofExecution = (id: string): Admission => ({ kind: 'execution', id });
const intoContainer = (id: string): Admission => ({ kind: 'container', id, enters: true });
const endpoint = (method: string, path: string, admit: Endpoint['admit']): Endpoint => ({ method, path: new RegExp(`^${path}$`), admit });

/** All that the operators, and a person with the `docker` command, need to run, watch, enter, end and clean containers. */
const ENDPOINTS: readonly Endpoint[] = [
  endpoint('GET', '/_ping', pass),
  endpoint('HEAD', '/_ping', pass),
  endpoint('GET', '/(?:version|info|events)', pass),
  endpoint('GET', '/containers/json', pass),
  endpoint('POST', '/containers/create', () => ({ kind: 'body', judge: judgeContainer })),
  // What it was started with holds secrets, its log may: none of Dagbook's own.
  endpoint('GET', `/containers/(${ID})/(?:json|logs|stats|top|changes)`, ofContainer),
  endpoint('POST', `/containers/(${ID})/(?:start|stop|kill|wait|restart|resize|pause|unpause)`, ofContainer),
  endpoint('POST', `/containers/(${ID})/attach`, intoContainer),
  endpoint('POST', `/containers/(${ID})/exec`, (id) => ({ kind: 'container', id, enters: true, judge: judgeExecution })),
  endpoint('DELETE', `/containers/(${ID})`, ofContainer),
  endpoint('GET', '/exec/([0-9a-f]+)/json', ofExecution),
  endpoint('POST', '/exec/([0-9a-f]+)/(?:start|resize)', ofExecution),
  endpoint('GET', '/images/json', pass),
  // An image that is imported could take the name of Dagbook's own.
  endpoint('POST', '/images/create', (_id, query) => (query.has('fromSrc') || !query.has('fromImage') ? { kind: 'refuse', message: refusal('fromSrc', query.get('fromSrc') ?? '', 'images are pulled, not imported', 'push it to a registry and pull it') } : { kind: 'pass' })),
  endpoint('GET', `/images/(${IMAGE})/json`, pass),
  endpoint('DELETE', `/images/(${IMAGE})`, (name) => ({ kind: 'image', name })),
];

/** Judges where a request goes. Everything that is not in the table is refused. */
export function admitRequest(method: string, url: string): Admission {
  // All that follows the first question mark is the query, further ones too.
  const [, rawPath = '', search = ''] = /^([^?]*)\??(.*)$/s.exec(url) ?? [];
  const [prefix = '', version = '1.24'] = /^\/v(1\.\d+)(?=\/)/.exec(rawPath) ?? [];
  const path = rawPath.slice(prefix.length);
  // Older ones let a start say anew what its container may do.
  if (Number(version.slice(2)) < 24) return { kind: 'refuse', message: refusal('the version of the API', version, 'it must be 1.24 or newer', 'use a newer client') };
  const isPlain = !/[%\\]|\/\/|(^|\/)\.\.?(\/|$)/.test(path);
  for (const one of isPlain ? ENDPOINTS : []) {
    const found = one.method === method ? one.path.exec(path) : null;
    if (found !== null) return one.admit(found[1] ?? '', new URLSearchParams(search));
  }
  return { kind: 'refuse', message: refusal('the request', `${method} ${path}`, "tasks may not ask it of the host's engine", 'use the containers, exec and images endpoints, or run it on the host by hand') };
}

/**
 * What a body may call itself; undefined: it may pass. An engine reads a form's fields as it reads those of the query,
 * and nobody has judged them.
 */
export function judgeContentType(type: string | undefined): string | undefined {
  return type === undefined || /^(application\/json|text\/plain)\s*(;|$)/i.test(type) ? undefined : refusal('content-type', type, 'only application/json is judged', 'send JSON');
}

/** undefined: the request may pass. */
export function judgeKnown(id: string, known: KnownContainer, enters: boolean, policy: SitePolicy, resolve: ResolvePath): string | undefined {
  if (Object.hasOwn(known.labels, PROTECTED_LABEL)) return refusal('the container', id, `it is Dagbook's own service ${known.labels[PROTECTED_LABEL]}, which tasks may not touch`, 'name another');
  if (!enters || policy.enter.includes(known.name) || policy.enter.includes('*')) return undefined;
  const wrong = judgeEntered(known.hostConfig, known.mounts, policy, resolve);
  return wrong === undefined ? undefined : `the container ${id} may not be entered by tasks: its ${wrong}. To allow it whatever it has, let the policy say "enter": ${JSON.stringify([known.name])}`;
}

/** undefined: the image may be removed. */
export const judgeImage = (name: string, id: string, ofDagbook: readonly string[]): string | undefined =>
  ofDagbook.includes(id) ? refusal('the image', name, "Dagbook's own services run from it", 'remove another') : undefined;

const EXECUTION = new Set(['AttachStdin', 'AttachStdout', 'AttachStderr', 'DetachKeys', 'Tty', 'Env', 'Cmd', 'User', 'WorkingDir', 'ConsoleSize', 'Detach', 'Privileged']);

function judgeExecution(body: { readonly [name: string]: unknown }): string | undefined {
  const unknown = Object.keys(body).find((name) => !EXECUTION.has(name));
  if (unknown !== undefined) return refusal(unknown, body[unknown], 'it is no field of a command', 'leave it out');
  return body['Privileged'] === undefined || body['Privileged'] === false || body['Privileged'] === null ? undefined : refusal('Privileged', body['Privileged'], 'a privileged command owns the host', 'leave it out; no policy allows it');
}
