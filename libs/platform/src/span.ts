import { SpanKind, SpanStatusCode, TraceFlags, type Attributes, type HrTime, type SpanContext } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-node';

/**
 * A span made of facts that are already history: a run or an attempt whose beginning and end stand in the journal. So
 * traces survive restarts, and no service holds open spans.
 */
export interface FinishedSpan {
  /** W3C `traceparent` of the span itself. */
  readonly traceparent: string;
  readonly parent?: string;
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly failed?: string;
  readonly attributes: Attributes;
}

export interface SpanSink {
  record(span: FinishedSpan): void;
  close(): Promise<void>;
}

export const noSpans: SpanSink = { record: () => undefined, close: async () => undefined };

/** Sends spans by OTLP over HTTP, in batches, to `endpoint` (for example `http://collector:4318/v1/traces`). */
export function otlpSpans(options: { readonly endpoint: string; readonly service: string }): SpanSink {
  const processor = new BatchSpanProcessor(new OTLPTraceExporter({ url: options.endpoint }));
  const resource = resourceFromAttributes({ 'service.name': `dagbook-${options.service}` });
  return {
    record: (span) => processor.onEnd(readable(span, resource)),
    close: () => processor.shutdown(),
  };
}

function readable(span: FinishedSpan, resource: ReadableSpan['resource']): ReadableSpan {
  const parent = span.parent === undefined ? undefined : contextOf(span.parent);
  return {
    name: span.name,
    kind: SpanKind.INTERNAL,
    spanContext: () => contextOf(span.traceparent),
    ...(parent === undefined ? {} : { parentSpanContext: parent }),
    startTime: hrTime(span.startMs),
    endTime: hrTime(span.endMs),
    duration: hrTime(Math.max(0, span.endMs - span.startMs)),
    status: span.failed === undefined ? { code: SpanStatusCode.OK } : { code: SpanStatusCode.ERROR, message: span.failed },
    attributes: span.attributes,
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: { name: 'dagbook' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

const hrTime = (ms: number): HrTime => [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)];

function contextOf(traceparent: string): SpanContext {
  const [, traceId, spanId] = traceparent.split('-');
  return { traceId: traceId ?? '', spanId: spanId ?? '', traceFlags: TraceFlags.SAMPLED };
}

/** A W3C `traceparent` from 24 random bytes, or from a trace id and 8 bytes. */
export function traceparentOf(traceId: string, spanId: string): string {
  return `00-${traceId}-${spanId}-01`;
}
