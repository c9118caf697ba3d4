import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { otlpSpans, traceparentOf } from './span.ts';

interface Exported {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly { readonly name: string; readonly traceId: string; readonly spanId: string; readonly parentSpanId?: string; readonly startTimeUnixNano: string; readonly endTimeUnixNano: string; readonly status: { readonly code: number } }[] }[] }[];
}

it('exports finished spans by OTLP: one trace, parents, instants and failures as they were', async () => {
  const received: Exported[] = [];
  const collector = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      received.push(JSON.parse(body) as Exported);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const sink = otlpSpans({ endpoint: `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`, service: 'scheduler' });
  const trace = 'a'.repeat(32);
  const run = traceparentOf(trace, '1'.repeat(16));
  sink.record({ traceparent: traceparentOf(trace, '2'.repeat(16)), parent: run, name: 'task', startMs: 1_000, endMs: 1_500, failed: 'no', attributes: {} });
  sink.record({ traceparent: run, name: 'dag', startMs: 900, endMs: 2_000, attributes: { 'dagbook.dag_id': 'dag' } });
  await sink.close();
  collector.close();

  const spans = received.flatMap((batch) => batch.resourceSpans.flatMap((resource) => resource.scopeSpans.flatMap((scope) => scope.spans)));
  expect(spans.map(({ name, traceId, spanId, parentSpanId, startTimeUnixNano, endTimeUnixNano, status }) => ({ name, traceId, spanId, parentSpanId, startTimeUnixNano, endTimeUnixNano, code: status.code }))).toEqual([
    { name: 'task', traceId: trace, spanId: '2'.repeat(16), parentSpanId: '1'.repeat(16), startTimeUnixNano: '1000000000', endTimeUnixNano: '1500000000', code: 2 },
    { name: 'dag', traceId: trace, spanId: '1'.repeat(16), parentSpanId: undefined, startTimeUnixNano: '900000000', endTimeUnixNano: '2000000000', code: 1 },
  ]);
});
