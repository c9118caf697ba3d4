import { readFileSync } from 'node:fs';
import { createLog, HealthServer, integer, Metrics, readSettings, text } from '@dagbook/platform';
import { placeOf } from './host-folders.ts';
import { PolicyProxy } from './policy-proxy.ts';
import { readSitePolicy, STRICTEST, type SitePolicy } from './site-policy.ts';

const ASK_EVERY_MS = 5_000;

const SETTINGS = {
  engineSocket: { env: 'DAGBOOK_DOCKER_POLICY_ENGINE', says: "the engine's own socket", parse: text, fallback: '/var/run/docker.sock' },
  socket: { env: 'DAGBOOK_DOCKER_POLICY_SOCKET', says: 'the socket that tasks use', parse: text, fallback: '/run/dagbook-docker/docker.sock' },
  policy: { env: 'DAGBOOK_DOCKER_POLICY_FILE', says: "the site's policy, a JSON file; without it the strictest holds", parse: policyOf, fallback: STRICTEST },
  healthPort: { env: 'DAGBOOK_HEALTH_PORT', says: 'port of /livez, /readyz and /metrics; 0: any', parse: integer(0, 65_535), fallback: 0 },
} as const;

function policyOf(path: string): SitePolicy {
  const policy = readSitePolicy(JSON.parse(readFileSync(path, 'utf8')));
  if ('problems' in policy) throw new Error(`names ${path}, which does not hold: ${policy.problems.join('; ')}`);
  return policy;
}

function settingsOrExit(): ReturnType<typeof readSettings<typeof SETTINGS>> {
  try {
    return readSettings(SETTINGS, process.env);
  } catch (error) {
    process.stderr.write(`docker-policy: ${(error as Error).message}\n`);
    process.exit(2);
  }
}

const { engineSocket, socket, policy, healthPort } = settingsOrExit();
const log = createLog({ service: 'docker-policy' });
const place = placeOf(readFileSync('/proc/self/mountinfo', 'utf8'), process.env);
const proxy = new PolicyProxy({ engineSocket, socket, policy, place, log });
await proxy.listen();

let failure = await proxy.engineFailure();
const asking = setInterval(() => void proxy.engineFailure().then((now) => (failure = now)), ASK_EVERY_MS);
const metrics = new Metrics('docker-policy');
metrics.collectProcess();
const health = new HealthServer({ checks: { engine: () => failure }, metrics });
await health.listen(healthPort, '0.0.0.0');
log.info('up', { engineSocket, socket, policy, place });

async function stop(): Promise<void> {
  clearInterval(asking);
  await proxy.close();
  await health.close();
  process.exit(0);
}
process.on('SIGTERM', () => void stop());
process.on('SIGINT', () => void stop());
