import { createClient, createConfig, createTokenCli, type AcceptedResponse, type Client } from '@dagbook/api-client';
import { CliFailure, kindOfStatus, sentenceOf } from '../failure.ts';
import type { Connection } from '../connection.ts';

/** A page of Airflow's API is never longer. */
const PAGE = 100;

/** The generated client of one Dagbook, whose failures are `CliFailure`s. Logs in first when there is a password and no token. */
export async function connect({ url, credential }: Connection, signal: AbortSignal): Promise<Api> {
  const client = createClient(createConfig({ baseUrl: url, throwOnError: true, signal }));
  client.interceptors.response.use((response) => {
    if (response.ok && response.status !== 204 && response.headers.get('content-type')?.includes('json') !== true) throw new CliFailure('unreachable', `${url} answers, but not as Dagbook does.`, 'Check the address.');
    return response;
  });
  client.interceptors.error.use((fault, response) => failureOf(url, fault, response));
  const token = credential.kind === 'password' ? await logIn(client, credential.username, credential.password) : credential.kind === 'token' ? credential.token : undefined;
  if (token !== undefined) client.setConfig({ auth: token });
  return { client, url, token };
}

export interface Api {
  readonly client: Client;
  readonly url: string;
  readonly token: string | undefined;
}

export async function logIn(client: Client, username: string, password: string): Promise<string> {
  return (await createTokenCli({ client, body: { username, password } })).access_token;
}

function failureOf(url: string, fault: unknown, response: Response | undefined): CliFailure {
  if (fault instanceof CliFailure) return fault;
  if (response === undefined) {
    const { cause, message } = fault as Error & { cause?: { code?: string } };
    return new CliFailure('unreachable', `Nothing answers at ${url} (${cause?.code ?? message}).`, 'Check the address, and whether Dagbook runs there; start one here with npm start.');
  }
  return refusalOf(url, response.status, fault);
}

/** An answer that is not success, as the end of the command. */
export function refusalOf(url: string, status: number, body: unknown): CliFailure {
  const said = sentenceOf(body);
  const sentence = said === '' ? `${url} answered ${status}.` : said;
  if (status === 401) return new CliFailure('auth', sentence, `Log in: dagbook auth login --url ${url}, or set DAGBOOK_TOKEN.`);
  return new CliFailure(kindOfStatus(status), sentence);
}

/** Every row of a list, page after page; `limit` ends it sooner. */
export async function allPages<Row>(ask: (page: { limit: number; offset: number }) => Promise<{ readonly rows: readonly Row[]; readonly total: number }>, limit = Infinity): Promise<Row[]> {
  const found: Row[] = [];
  for (;;) {
    const { rows, total } = await ask({ limit: Math.min(PAGE, limit - found.length), offset: found.length });
    found.push(...rows);
    if (rows.length === 0 || found.length >= Math.min(total, limit)) return found;
  }
}

/** The outcome of a change. One that is stored and has no outcome yet ends the command: a script must not take it for done. */
export function settled<T extends object>(answer: T | AcceptedResponse): T {
  if (!('command_id' in answer)) return answer;
  throw new CliFailure('unreachable', `${answer.detail} (command ${answer.command_id})`, 'It is stored and will be carried out when the scheduler is back; do not repeat it.');
}
