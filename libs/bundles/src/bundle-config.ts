/** Where a bundle's DAG files come from; see `docs/bundles.md`. */
export type BundleConfig = FolderBundleConfig | GitBundleConfig | S3BundleConfig;

export interface FolderBundleConfig {
  readonly name: string;
  readonly kind: 'folder';
  readonly path: string;
}

interface Synced {
  readonly name: string;
  /** How often the source is asked for something new. */
  readonly pollMs: number;
}

export interface GitBundleConfig extends Synced {
  readonly kind: 'git';
  /** https, ssh, or the path of a repository. May hold a token, so it is shown without one. */
  readonly url: string;
  /** A branch or a tag. */
  readonly ref: string;
  /** Folder of the repository in which DAG files are found. */
  readonly subfolder?: string;
  /** File of the private key for ssh. */
  readonly sshKey?: string;
  /** File of the hosts' keys for ssh; absent: a host is taken for who it says it is at the first connection, and must stay so. */
  readonly knownHosts?: string;
}

export interface S3BundleConfig extends Synced {
  readonly kind: 's3';
  readonly bucket: string;
  readonly prefix: string;
  readonly region?: string;
  /** Of a server that is not AWS'. */
  readonly endpoint?: string;
}

/** The bundle of `DAGBOOK_BUNDLE_FOLDER`, as Airflow names it. */
export const DEFAULT_BUNDLE = 'dags-folder';

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;
const DEFAULT_POLL_SECONDS = 30;

const FIELDS = {
  folder: ['name', 'kind', 'path'],
  git: ['name', 'kind', 'url', 'ref', 'subfolder', 'sshKey', 'knownHosts', 'pollSeconds'],
  s3: ['name', 'kind', 'bucket', 'prefix', 'region', 'endpoint', 'pollSeconds'],
} as const satisfies Record<BundleConfig['kind'], readonly string[]>;

/** Reads `DAGBOOK_BUNDLES`, a JSON list. Throws an `Error` whose text goes on after the setting's name. */
export function readBundles(text: string): readonly BundleConfig[] {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    throw new Error('is no JSON: give a list such as [{"name":"etl","kind":"git","url":"https://git.example.com/etl.git","ref":"main"}]');
  }
  if (!Array.isArray(given) || given.length === 0) throw new Error('must be a JSON list with at least one bundle');
  const bundles = given.map((one, at) => readBundle(one, `bundle ${at + 1}`));
  const twice = bundles.find(({ name }, at) => bundles.findIndex((other) => other.name === name) !== at);
  if (twice !== undefined) throw new Error(`names two bundles "${twice.name}": each has a name of its own`);
  return bundles;
}

function readBundle(given: unknown, place: string): BundleConfig {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new Error(`holds ${JSON.stringify(given)} as ${place}, but each must be an object`);
  const fields = given as { readonly [field: string]: unknown };
  const { kind, name } = fields;
  if (typeof name !== 'string' || !NAME.test(name)) throw new Error(`names ${place} ${JSON.stringify(name)}, but a name is at most 100 letters, digits, "_", "." and "-"`);
  if (kind !== 'folder' && kind !== 'git' && kind !== 's3') throw new Error(`gives "${name}" the kind ${JSON.stringify(kind)}, but it must be folder, git or s3`);
  const known: readonly string[] = FIELDS[kind];
  const strange = Object.keys(fields).find((field) => !known.includes(field));
  if (strange !== undefined) throw new Error(`gives "${name}" a field "${strange}"; a bundle of kind ${kind} has ${known.join(', ')}`);
  const texts = new Texts(name, fields);
  switch (kind) {
    case 'folder':
      return { name, kind, path: texts.needed('path') };
    case 'git':
      return { name, kind, url: gitUrl(name, texts.needed('url')), ref: gitRef(name, texts.optional('ref') ?? 'main'), ...texts.maybe('subfolder', withinFolder), ...texts.maybe('sshKey'), ...texts.maybe('knownHosts'), pollMs: pollMs(name, fields['pollSeconds']) };
    case 's3':
      return { name, kind, bucket: texts.needed('bucket'), prefix: folderPrefix(texts.optional('prefix') ?? ''), ...texts.maybe('region'), ...texts.maybe('endpoint'), pollMs: pollMs(name, fields['pollSeconds']) };
  }
}

class Texts {
  readonly #name: string;
  readonly #fields: { readonly [field: string]: unknown };
  constructor(name: string, fields: { readonly [field: string]: unknown }) {
    this.#name = name;
    this.#fields = fields;
  }

  optional(field: string): string | undefined {
    const value = this.#fields[field];
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || value === '') throw new Error(`gives "${this.#name}" the ${field} ${JSON.stringify(value)}, but it must be a text`);
    return value;
  }

  needed(field: string): string {
    const value = this.optional(field);
    if (value === undefined) throw new Error(`gives "${this.#name}" no ${field}`);
    return value;
  }

  maybe<Field extends string>(field: Field, check: (name: string, value: string) => string = (_, value) => value): { readonly [name in Field]?: string } {
    const value = this.optional(field);
    return value === undefined ? {} : ({ [field]: check(this.#name, value) } as { readonly [name in Field]: string });
  }
}

function pollMs(name: string, seconds: unknown): number {
  const given = seconds ?? DEFAULT_POLL_SECONDS;
  if (typeof given !== 'number' || !(given >= 1 && given <= 86_400)) throw new Error(`gives "${name}" the pollSeconds ${JSON.stringify(seconds)}, but it must be a number from 1 to 86400`);
  return given * 1_000;
}

/** A word that begins with `-` would be an option of git; `ext::` and its like would run a program. */
function gitUrl(name: string, url: string): string {
  if (!/^(https?:\/\/|ssh:\/\/|file:\/\/|\/|\.{1,2}\/|[\w.-]+@[\w.-]+:)/.test(url)) throw new Error(`gives "${name}" the url ${JSON.stringify(withoutSecret(url))}, but it must be https://…, ssh://…, user@host:path, or the path of a repository`);
  return url;
}

function gitRef(name: string, ref: string): string {
  if (!/^[\w][\w./-]*$/.test(ref) || ref.includes('..')) throw new Error(`gives "${name}" the ref ${JSON.stringify(ref)}, but it must be the name of a branch or a tag`);
  return ref;
}

function withinFolder(name: string, path: string): string {
  if (path.startsWith('/') || path.split('/').includes('..')) throw new Error(`gives "${name}" the subfolder ${JSON.stringify(path)}, but it must lie within the repository`);
  return path.replace(/\/+$/, '');
}

const folderPrefix = (prefix: string): string => (prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`);

/** An address as people may see it. */
export const withoutSecret = (url: string): string => url.replace(/^(\w+:\/\/)[^@/]*@/, '$1');
