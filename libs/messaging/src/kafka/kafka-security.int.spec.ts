import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assignmentTopic, TOPICS } from '@dagbook/contracts';
import { type KafkaServer, startKafka } from '@dagbook/parts';
import { Inbox } from '@dagbook/testkit';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { BusFault } from '../port.ts';
import { KafkaBroker, type KafkaBrokerOptions } from './kafka-broker.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const WORKER = 'User:CN=dagbook-worker';

let dir: string;
let secrets: string;
let server: KafkaServer;
const open: { close(): Promise<unknown> }[] = [];

/** The very secrets and the settings that a site has by `deploy/compose`. */
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'dagbook-secured-'));
  secrets = join(dir, 'secrets');
  execFileSync('sh', [join(root, 'deploy/compose/make-secrets.sh'), secrets], { env: { ...process.env, HOST_A_ADDRESS: '127.0.0.1' }, stdio: 'ignore' });
  const pem = {
    'ssl.keystore.type': 'PEM', 'ssl.keystore.location': join(secrets, 'host-a.pem'), 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': join(secrets, 'ca.crt'),
  };
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  server = await startKafka({
    dir: join(dir, 'broker'), cacheDir: join(root, '.dagbook/kafka'), pom: join(root, 'deploy/kafka/pom.xml'),
    secured: [
      { name: 'SITE', protocol: 'SSL', settings: { ...pem, 'ssl.client.auth': 'required' } },
      { name: 'USERS', protocol: 'SASL_SSL', settings: { ...pem, 'sasl.enabled.mechanisms': 'SCRAM-SHA-512', 'scram-sha-512.sasl.jaas.config': scram } },
    ],
    scramUsers: { etl: 'a-password' },
    settings: {
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS;User:CN=dagbook-services;User:etl',
    },
  });
});
afterAll(async () => {
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const read = (name: string): string => readFileSync(join(secrets, name), 'utf8');
const shown = (name: string) => ({ ca: read('ca.crt'), cert: read(name), key: read(name) });

async function connect(listener: 'SITE' | 'USERS', options: Partial<KafkaBrokerOptions>): Promise<KafkaBroker> {
  const broker = await KafkaBroker.connect({ brokers: [server.secured[listener] ?? ''], service: 'worker', nowMs: () => Date.now(), log: quiet, ...options });
  open.push(broker);
  return broker;
}
const refusal = (listener: 'SITE' | 'USERS', options: Partial<KafkaBrokerOptions>): Promise<string> => connect(listener, options).then(() => 'it was let in', (fault: BusFault) => `${fault.code}: ${fault.message}`);

const message = (topic: string, id: string) => ({ topic, key: 'k', type: 'DrainWorker', id, data: { by: id } }) as const;

test('a worker, by its certificate, says what a worker says and hears what it is assigned, and may nothing else', async () => {
  const services = await connect('SITE', { service: 'dispatcher', ssl: shown('services.pem'), workerPrincipal: WORKER });
  const worker = await connect('SITE', { ssl: shown('worker.pem') });
  const inbox = new Inbox();
  const assignments = assignmentTopic('s21-1').name;
  open.push(await worker.listen({ service: 'worker', instance: 's21-1', subscriptions: [{ topic: assignments, mode: 'broadcast' }], handlerOf: (type) => (type === 'DrainWorker' ? inbox.handler : undefined) }));
  // The second has no handler there: its dead letter is refused, and holds nothing up.
  await services.publisher().publish([message(assignments, 'one'), { ...message(assignments, 'strange'), type: 'SchedulerSeen' } as never, message(assignments, 'two')]);
  await inbox.until((ids) => ids.length === 2);
  expect(inbox.ids).toEqual(['one', 'two']);
  await worker.publisher().publish([message(TOPICS.reports.name, 'r'), message(TOPICS.workers.name, 'w'), message(TOPICS.logs.name, 'l')]);
  for (const topic of [TOPICS.commands.name, TOPICS.events.name, TOPICS.attempts.name, assignments]) {
    await expect(worker.publisher().publish([message(topic, 'forged')])).rejects.toMatchObject({ code: 'bus.refused', retryable: false });
  }
  // Who listens to what it may not read hears that it never will.
  const eager = await connect('SITE', { ssl: shown('worker.pem'), limits: { stalledAfterMs: 60_000, fatalAfterMs: 60_000, fatalAfterHardErrorMs: 10 } });
  const fatal = await new Promise((resolve, reject) => {
    eager.listen({ service: 'worker', instance: 's21-1', subscriptions: [{ topic: TOPICS.commands.name, mode: 'broadcast' }], handlerOf: () => inbox.handler, onFatal: resolve }).catch(reject);
  });
  expect(String(fatal)).toContain('authorized');
});

test('a worker of a host that is named hears what its own slots are assigned, and what another host\'s are not; who is named no more may nothing', async () => {
  const hosts = mkdtempSync(join(dir, 'hosts-'));
  const made = (names: string): void => void execFileSync('sh', [join(root, 'deploy/compose/make-secrets.sh'), hosts], { env: { ...process.env, HOST_A_ADDRESS: '127.0.0.1', WORKER_HOST: 's22', WORKER_HOSTS: names }, stdio: 'ignore' });
  for (const name of ['ca.crt', 'ca.key', 'worker-secret']) copyFileSync(join(secrets, name), join(hosts, name));
  made('s22,s21');
  const pem = readFileSync(join(hosts, 'hosts', 's21', 'worker.pem'), 'utf8');
  const ssl = { ca: read('ca.crt'), cert: pem, key: pem };
  const services = await connect('SITE', { service: 'dispatcher', ssl: shown('services.pem'), workerPrincipal: WORKER, workerHosts: ['s22', 's21'] });
  const own = await connect('SITE', { ssl });
  const inbox = new Inbox();
  const listening = (slot: string, onFatal?: (error: unknown) => void) => ({ service: 'worker', instance: slot, subscriptions: [{ topic: assignmentTopic(slot).name, mode: 'broadcast' }], handlerOf: () => inbox.handler, ...(onFatal === undefined ? {} : { onFatal }) }) as const;
  open.push(await own.listen(listening('s21-2')));
  await services.publisher().publish([message(assignmentTopic('s21-2').name, 'mine')]);
  await inbox.until((ids) => ids.length === 1);
  await own.publisher().publish([message(TOPICS.reports.name, 'r')]);
  const prying = await connect('SITE', { ssl, limits: { stalledAfterMs: 60_000, fatalAfterMs: 60_000, fatalAfterHardErrorMs: 10 } });
  await expect(prying.listen(listening('s22-1'))).rejects.toMatchObject({ code: 'bus.refused', message: 'worker cannot listen to dagbook.assignments.s22-1: its principal has no right to; the dispatcher gives them to those of DAGBOOK_KAFKA_WORKER_HOSTS' });
  // The certificate that all shared is good for nothing any more, and so is one of a host that is taken out.
  await connect('SITE', { service: 'dispatcher', ssl: shown('services.pem'), workerPrincipal: WORKER, workerHosts: ['s22'] });
  for (const refused of [shown('worker.pem'), ssl]) {
    await expect(connect('SITE', { ssl: refused }).then((worker) => worker.publisher().publish([message(TOPICS.reports.name, 'forged')]))).rejects.toMatchObject({ code: 'bus.refused' });
  }
});

test('who shows no certificate, one of another site, or trusts another authority is not let in, and hears why', async () => {
  const other = join(dir, 'other');
  execFileSync('sh', [join(root, 'deploy/compose/make-secrets.sh'), other], { env: { ...process.env, HOST_A_ADDRESS: '127.0.0.1' }, stdio: 'ignore' });
  const strange = readFileSync(join(other, 'worker.pem'), 'utf8');
  const ca = read('ca.crt');
  const [none, foreign, distrusted] = await Promise.all([
    refusal('SITE', { ssl: { ca } }),
    refusal('SITE', { ssl: { ca, cert: strange, key: strange } }),
    refusal('SITE', { ssl: { ...shown('worker.pem'), ca: readFileSync(join(other, 'ca.crt'), 'utf8') } }),
  ]);
  const place = `Kafka at ${server.secured['SITE']}`;
  expect([none, foreign, distrusted]).toEqual([
    expect.stringMatching(new RegExp(`^bus\\.refused: ${place} refuses the certificate of this service, or speaks no TLS: correct DAGBOOK_KAFKA_TLS_CERT, .*certificate required`)),
    expect.stringMatching(new RegExp(`^bus\\.refused: ${place} refuses the certificate of this service, .*certificate unknown`)),
    expect.stringMatching(new RegExp(`^bus\\.refused: the certificate of ${place} does not hold here: DAGBOOK_KAFKA_TLS_CA must be of who signed it`)),
  ]);
});

test('a user by SCRAM is let in with the password alone', async () => {
  const sasl = (password: string) => ({ mechanism: 'scram-sha-512', username: 'etl', password }) as const;
  const broker = await connect('USERS', { service: 'scheduler', ssl: { ca: read('ca.crt') }, sasl: sasl('a-password') });
  await broker.publisher().publish([message(TOPICS.commands.name, 'c')]);
  expect(await refusal('USERS', { ssl: { ca: read('ca.crt') }, sasl: sasl('another') })).toMatch(new RegExp(`^bus\\.refused: Kafka at ${server.secured['USERS']} refuses the user or the password: `));
});
