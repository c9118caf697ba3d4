import { fileURLToPath } from 'node:url';
import { DiskObjectStore } from './disk-object-store.ts';
import { type ObjectStore, ObjectStoreFault } from './port.ts';
import { S3ObjectStore } from './s3-object-store.ts';

const SAYS = 'must be file:///folder or s3://bucket/prefix, the latter with ?endpoint=https://host and ?region=name where they are needed';
const PARAMETERS = new Set(['endpoint', 'region']);

/** The store that a setting names. Throws `object_store.setting` for one that names none; nothing is asked of S3 yet. */
export function objectStoreAt(setting: string): ObjectStore {
  if (!URL.canParse(setting)) throw wrong(setting);
  const url = new URL(setting);
  if (url.username !== '' || url.password !== '') throw new ObjectStoreFault('object_store.setting', `a place of objects holds no credentials: give them as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`);
  if (url.protocol === 'file:' && url.hostname === '' && url.pathname !== '/') return new DiskObjectStore(fileURLToPath(url));
  const unknown = [...url.searchParams.keys()].some((name) => !PARAMETERS.has(name));
  if (url.protocol !== 's3:' || !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(url.hostname) || unknown) throw wrong(setting);
  const [endpoint, region] = [url.searchParams.get('endpoint'), url.searchParams.get('region')];
  if (endpoint !== null && !/^https?:$/.test(URL.canParse(endpoint) ? new URL(endpoint).protocol : '')) throw wrong(setting);
  return new S3ObjectStore({
    bucket: url.hostname,
    prefix: decodeURIComponent(url.pathname).replaceAll(/^\/+|\/+$/g, ''),
    ...(endpoint === null ? {} : { endpoint }),
    ...(region === null ? {} : { region }),
  });
}

const wrong = (setting: string): ObjectStoreFault => new ObjectStoreFault('object_store.setting', `${JSON.stringify(setting)} ${SAYS}`);
