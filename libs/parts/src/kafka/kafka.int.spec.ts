import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { isAlive } from '../postgres/leftover.ts';
import { ensureKafkaInstalled, missingForKafka } from './install.ts';
import { startKafka } from './server.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const place = { cacheDir: join(root, '.dagbook/kafka'), pom: join(root, 'deploy/kafka/pom.xml') };

const cleanUp: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'dagbook-kafka-'));
  cleanUp.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test('a broker starts on an empty folder, stops twice, and comes back on the same port', async () => {
  const dir = folder();
  const first = await startKafka({ dir, ...place });
  cleanUp.push(() => first.stop());
  expect(isAlive(first.pid)).toBe(true);
  await first.stop();
  await first.stop();
  expect(isAlive(first.pid)).toBe(false);
  const second = await startKafka({ dir, ...place });
  cleanUp.push(() => second.stop());
  expect(second.brokers).toEqual(first.brokers);
});

test('a broker left behind by a killed process is stopped first', async () => {
  const dir = folder();
  const lost = await startKafka({ dir, ...place });
  cleanUp.push(() => lost.stop());
  const said: string[] = [];
  const next = await startKafka({ dir, ...place, log: (line) => said.push(line) });
  cleanUp.push(() => next.stop());
  await lost.exited;
  expect(said).toEqual([`Stopped a Kafka (process ${lost.pid}) that a killed process had left behind on this folder.`]);
});

test('a stranger that has the process id of a dead broker is left alone', async () => {
  const dir = folder();
  const stranger = spawn('sleep', ['60']);
  cleanUp.push(async () => {
    stranger.kill();
    await once(stranger, 'exit');
  });
  writeFileSync(join(dir, 'broker.pid'), `${stranger.pid}\n`);
  const broker = await startKafka({ dir, ...place });
  cleanUp.push(() => broker.stop());
  expect(isAlive(stranger.pid as number)).toBe(true);
  expect(readFileSync(join(dir, 'broker.pid'), 'utf8')).toBe(`${broker.pid}\n`);
});

test('a port in use is a sentence with a remedy', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  cleanUp.push(() => new Promise((done) => taken.close(done)));
  const { port } = taken.address() as { port: number };
  await expect(startKafka({ dir: folder(), port, ...place })).rejects.toMatchObject({
    code: 'kafka.port_in_use',
    message: `Port ${port}, meant for Kafka, is in use (EADDRINUSE).`,
  });
});

test('what is missing on a machine is said as data and as a remedy', async () => {
  const path = process.env['PATH'];
  cleanUp.push(() => void (process.env['PATH'] = path));
  process.env['PATH'] = folder();
  const cacheDir = folder();
  expect(missingForKafka(cacheDir)).toEqual(['openjdk-17-jre-headless', 'maven']);
  await expect(ensureKafkaInstalled({ ...place, cacheDir })).rejects.toMatchObject({ code: 'kafka.java_missing', remedy: 'Install it: apt-get install openjdk-17-jre-headless' });
});
