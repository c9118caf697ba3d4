import type { Json } from '@dagbook/domain';
import type { Vault } from './stored-execution-api.ts';

const CONNECTION = 'DAGBOOK_CONN_';
const VARIABLE = 'DAGBOOK_VAR_';

/** Connections `DAGBOOK_CONN_<ID>` (a JSON object or a URI, as Airflow writes them) and variables `DAGBOOK_VAR_<KEY>`; ids in lower case. */
export function vaultFromEnv(env: Readonly<Record<string, string | undefined>>): Vault {
  const connections: Record<string, { readonly [field: string]: Json }> = Object.create(null) as Record<string, never>;
  const variables: Record<string, string> = Object.create(null) as Record<string, never>;
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue;
    if (name.startsWith(CONNECTION)) connections[name.slice(CONNECTION.length).toLowerCase()] = parseConnection(name, value);
    else if (name.startsWith(VARIABLE)) variables[name.slice(VARIABLE.length).toLowerCase()] = value;
  }
  return { connections, variables };
}

function parseConnection(name: string, value: string): { readonly [field: string]: Json } {
  if (value.trimStart().startsWith('{')) {
    try {
      return JSON.parse(value) as { readonly [field: string]: Json };
    } catch {
      throw new Error(`${name} begins like JSON but is not: give a JSON object or a URI`);
    }
  }
  if (!URL.canParse(value)) throw new Error(`${name} is neither a JSON object nor a URI such as postgres://user:password@host:5432/database`);
  const url = new URL(value);
  const extra = Object.fromEntries(url.searchParams);
  return {
    conn_type: url.protocol.slice(0, -1).replaceAll('-', '_'),
    host: decodeURIComponent(url.hostname) || null,
    login: decodeURIComponent(url.username) || null,
    password: decodeURIComponent(url.password) || null,
    port: url.port === '' ? null : Number(url.port),
    schema: decodeURIComponent(url.pathname.slice(1)) || null,
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}
