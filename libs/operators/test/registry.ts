import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

export interface Registry {
  /** `127.0.0.1:<port>`; engines speak plain HTTP to it. */
  readonly host: string;
  /** The one image there is, for whoever has logged in. */
  readonly image: string;
  /** Passwords that are taken now; each login is counted. */
  readonly passwords: Set<string>;
  readonly logins: string[];
  close(): Promise<void>;
}

const digestOf = (bytes: Buffer | string): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A registry that speaks the token protocol: a challenge, a token for a login, and an image for the token. */
export async function startRegistry({ rootFileSystemTar, username }: { readonly rootFileSystemTar: string; readonly username: string }): Promise<Registry> {
  const tar = readFileSync(rootFileSystemTar);
  const layer = gzipSync(tar, { level: 1 });
  const config = JSON.stringify({ architecture: 'amd64', os: 'linux', config: { Cmd: ['/bin/sh'] }, rootfs: { type: 'layers', diff_ids: [digestOf(tar)] }, history: [{}] });
  const manifest = JSON.stringify({
    schemaVersion: 2, mediaType: MANIFEST,
    config: { mediaType: 'application/vnd.docker.container.image.v1+json', size: config.length, digest: digestOf(config) },
    layers: [{ mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip', size: layer.length, digest: digestOf(layer) }],
  });
  // Of a machine of another kind alone.
  const index = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [{ mediaType: MANIFEST, size: manifest.length, digest: digestOf(manifest), platform: { architecture: 's390x', os: 'linux' } }] });
  const blobs = new Map<string, Buffer | string>([[digestOf(config), config], [digestOf(layer), layer]]);
  const passwords = new Set<string>();
  const logins: string[] = [];
  const tokens = new Set<string>();

  const answer = (request: IncomingMessage): { status: number; headers?: Record<string, string>; body?: Buffer | string } => {
    const { pathname } = new URL(request.url ?? '/', 'http://registry');
    const authorization = request.headers.authorization ?? '';
    if (pathname === '/token') {
      const [name, password = ''] = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString().split(':');
      if (name !== username || !passwords.has(password)) return { status: 401, body: JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'wrong login' }] }) };
      logins.push(password);
      const token = randomUUID();
      tokens.add(token);
      return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token, expires_in: 60 }) };
    }
    if (!tokens.has(authorization.replace('Bearer ', ''))) {
      return { status: 401, headers: { 'www-authenticate': `Bearer realm="http://${host}/token",service="registry"` }, body: JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] }) };
    }
    if (pathname === '/v2/') return { status: 200 };
    if (pathname.startsWith('/v2/team/etl/manifests/foreign') || pathname.endsWith(digestOf(index))) return { status: 200, headers: { 'content-type': INDEX, 'docker-content-digest': digestOf(index) }, body: index };
    if (pathname.startsWith('/v2/team/etl/manifests/')) return { status: 200, headers: { 'content-type': MANIFEST, 'docker-content-digest': digestOf(manifest) }, body: manifest };
    const blob = blobs.get(pathname.split('/').at(-1) ?? '');
    return blob === undefined ? { status: 404, body: JSON.stringify({ errors: [{ code: 'NAME_UNKNOWN', message: 'no such image' }] }) } : { status: 200, body: blob };
  };
  const server = createServer((request, response) => {
    const { status, headers = {}, body = '' } = answer(request);
    response.writeHead(status, { 'docker-distribution-api-version': 'registry/2.0', 'content-length': Buffer.byteLength(body), ...headers }).end(request.method === 'HEAD' ? undefined : body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host, image: `${host}/team/etl:1`, passwords, logins,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

const INDEX = 'application/vnd.docker.distribution.manifest.list.v2+json';
const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
