import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildFiles, type BuiltFiles, type Rig, startRig } from './rig.ts';

let built: BuiltFiles;
let rig: Rig;
const servers: Server[] = [];
const listening = async (server: Server): Promise<number> => {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};

beforeAll(async () => {
  built = await buildFiles();
  rig = await startRig(built);
});
afterAll(async () => {
  await rig?.close();
  for (const server of servers) server.close();
  built?.remove();
});

let tests = 0;
async function outcomeOf(connection: { readonly [field: string]: string | number | null }): Promise<{ status: boolean; message: string }> {
  const testId = `test-${(tests += 1)}`;
  rig.api.toTest.push({ testId, connection });
  await expect.poll(() => rig.api.tested.map((one) => one.testId), { timeout: 40_000 }).toContain(testId);
  const { status, message } = rig.api.tested.find((one) => one.testId === testId) as { status: boolean; message: string };
  return { status, message };
}

it('a worker tests with what its host reaches, by the operators that a task would use', async () => {
  const http = await listening(createHttpServer((request, response) => void response.writeHead(request.headers.authorization === undefined ? 500 : 404).end()) as unknown as Server);
  const tcp = await listening(createServer((socket) => void socket.end()));
  const gone = createServer();
  const closed = await listening(gone);
  await new Promise((resolve) => gone.close(resolve));
  const good = { status: true, message: 'Connection successfully tested' };
  expect(await outcomeOf({ conn_type: 'http', host: '127.0.0.1', port: http, login: 'u', password: 'hunter2hunter2' })).toEqual(good);
  expect(await outcomeOf({ conn_type: 'http', host: '127.0.0.1', port: http })).toEqual({ status: false, message: `HEAD http://127.0.0.1:${http}/ answered 500 Internal Server Error` });
  expect(await outcomeOf({ conn_type: 'ssh', host: '127.0.0.1', port: tcp })).toEqual(good);
  expect(await outcomeOf({ conn_type: 'our_own', host: '127.0.0.1', port: closed })).toEqual({ status: false, message: `connect ECONNREFUSED 127.0.0.1:${closed}` });
  expect(await outcomeOf({ conn_type: 'our_own' })).toEqual({ status: false, message: 'A connection of type our_own without a host and a port cannot be tested.' });
  expect(await outcomeOf({ conn_type: 'postgres', host: '127.0.0.1', port: closed, password: 'hunter2hunter2' })).toEqual({ status: false, message: `Postgres of this connection cannot be reached: connect ECONNREFUSED 127.0.0.1:${closed}` });
  expect(await outcomeOf({ conn_type: 'postgres', host: 'hunter2hunter2.invalid', password: 'hunter2hunter2' })).toMatchObject({ status: false, message: expect.not.stringContaining('hunter2') });
});
