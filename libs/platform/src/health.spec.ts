import { expect, it } from 'vitest';
import { HealthServer } from './health.ts';
import { Metrics } from './metrics.ts';

it('answers liveness, readiness with its reasons, and metrics', async () => {
  const metrics = new Metrics('scheduler');
  metrics.counter('dagbook_task_finished_total', 'ends of tasks', ['state']).add({ state: 'success' }, 2);
  metrics.gauge('dagbook_hot_runs', 'unfinished runs in memory', () => 3);
  let reason: string | undefined = 'not yet';
  const server = new HealthServer({ checks: { partitions: () => reason }, metrics });
  const url = `http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`;
  const ask = async (path: string): Promise<string> => {
    const response = await fetch(`${url}${path}`);
    return `${response.status} ${await response.text()}`;
  };
  expect(await ask('/livez')).toBe('200 ok\n');
  expect(await ask('/readyz')).toBe('503 partitions: not yet\n');
  reason = undefined;
  expect(await ask('/readyz')).toBe('200 ok\n');
  const text = await ask('/metrics');
  expect(text).toContain('dagbook_task_finished_total{state="success",service="scheduler"} 2');
  expect(text).toContain('dagbook_hot_runs{service="scheduler"} 3');
  expect(await ask('/else')).toMatch(/^404/);
  await server.close();
});
