import type { Rejected } from '../decider.ts';
import { isRejected, reject } from '../decider.ts';

/** A URI in its parts, none of them decoded. `host` is in small letters up to its first `%`. */
export interface UriParts {
  readonly scheme: string;
  readonly authority: string;
  readonly login: string | null;
  readonly password: string | null;
  readonly host: string;
  /** What stands for the port, not yet read: `portOf` does. */
  readonly portText: string;
  readonly path: string;
  readonly query: string;
}

const INVALID_URI = 'connection_invalid_uri';

/** Cuts a URI as Python's `urlsplit` does. The scheme is empty where what stands before `:` can be none. */
export function splitUri(uri: string): UriParts | Rejected {
  const text = uri.replace(/^[\x00- ]+/, '').replace(/[\t\r\n]/g, '');
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(text)?.[1] ?? '';
  const rest = scheme === '' ? text : text.slice(scheme.length + 1);
  const authority = rest.startsWith('//') ? (/^[^/?#]*/.exec(rest.slice(2))?.[0] ?? '') : '';
  const [beforeFragment = ''] = (rest.startsWith('//') ? rest.slice(2 + authority.length) : rest).split('#', 1);
  const queryAt = beforeFragment.indexOf('?');
  const host = splitAuthority(authority);
  if (isRejected(host)) return host;
  return {
    ...host, scheme: scheme.toLowerCase(), authority,
    path: queryAt < 0 ? beforeFragment : beforeFragment.slice(0, queryAt),
    query: queryAt < 0 ? '' : beforeFragment.slice(queryAt + 1),
  };
}

const IPV6 = /^(?=.*:)[\da-fA-F:.]+(?:%.+)?$/;
const FUTURE_ADDRESS = /^v[\da-fA-F]+\..+$/;

function splitAuthority(authority: string): Pick<UriParts, 'login' | 'password' | 'host' | 'portText'> | Rejected {
  if (authority.includes('[') !== authority.includes(']')) return reject(INVALID_URI, 'The host of the URI opens or closes a bracket alone; an IPv6 address stands between [ and ].');
  if (changesItsMeaning(authority)) return reject(INVALID_URI, 'The host of the URI has characters that read as / ? # @ or : when they are normalised; percent-encode them.');
  const bracketedAddress = /\[([^\]]*)/.exec(authority)?.[1];
  if (bracketedAddress !== undefined && !IPV6.test(bracketedAddress) && !FUTURE_ADDRESS.test(bracketedAddress)) {
    return reject(INVALID_URI, 'What stands between [ and ] in the URI is no IPv6 address; percent-encode brackets in a password.');
  }
  const at = authority.lastIndexOf('@');
  const user = at < 0 ? null : authority.slice(0, at);
  const address = authority.slice(at + 1);
  const bracketed = /^[^[]*\[([^\]]*)\]?(.*)$/s.exec(address);
  const [host, portText] = bracketed === null ? cut(address, ':') : [bracketed[1] as string, cut(bracketed[2] as string, ':')[1]];
  const [login, password] = user === null ? [null, null] : cut(user, ':');
  const [name, percent] = cut(host, '%');
  return { login, password, host: name.toLowerCase() + (percent === null ? '' : `%${percent}`), portText: portText ?? '' };
}

function cut(text: string, separator: string): readonly [string, string | null] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
}

/** The port of a URI; null where there is none. */
export function portOf(text: string): number | null | Rejected {
  if (text === '') return null;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  return port <= 65_535 ? port : reject(INVALID_URI, 'The port of the URI is no number from 0 to 65535.');
}

/** Whether Unicode's compatibility form of the host has a character that separates parts of a URI. */
function changesItsMeaning(authority: string): boolean {
  const plain = authority.replace(/[@:#?]/g, '');
  const normal = plain.normalize('NFKC');
  return normal !== plain && /[/?#@:]/.test(normal);
}
