import type { Message, Service } from '@dagbook/contracts';
import type { IHeaders, KafkaMessage, Message as KafkaRecord } from 'kafkajs';
import type { DeadLetter } from '../port.ts';

const TYPE_PREFIX = 'dev.dagbook.';
const TYPE_SUFFIX = '.v1';

/** CloudEvents 1.0 in Kafka's binary mode: attributes are headers, the value is the JSON body alone. */
export class CloudEventEncoder {
  readonly #source: string;
  readonly #nowMs: () => number;
  readonly #types = new Map<string, string>();

  constructor(service: Service, nowMs: () => number) {
    this.#source = `/dagbook/${service}`;
    this.#nowMs = nowMs;
  }

  encode(message: Message): KafkaRecord {
    const headers: IHeaders = {
      ce_specversion: '1.0',
      ce_id: message.id,
      ce_type: this.#typeOf(message),
      ce_source: this.#source,
      ce_subject: subjectOf(message),
      ce_time: new Date(this.#nowMs()).toISOString(),
      'content-type': 'application/json',
    };
    if (message.traceparent !== undefined) headers['traceparent'] = message.traceparent;
    return { key: message.key, value: JSON.stringify(message.data), headers };
  }

  #typeOf(message: Message): string {
    let type = this.#types.get(message.type);
    if (type === undefined) {
      type = `${TYPE_PREFIX}${message.type}${TYPE_SUFFIX}`;
      this.#types.set(message.type, type);
    }
    return type;
  }
}

export type Decoded = { readonly message: Message } | { readonly problem: string };

/**
 * Reads a record back. A type that we do not know is not a problem of the record: it is decoded, and found to have no
 * handler. The body is trusted to have the shape that its type says; a handler that cannot bear it fails, and the
 * message ends in the dead letter.
 */
export function decode(topic: string, record: KafkaMessage): Decoded {
  const headers = record.headers ?? {};
  const ceType = text(headers['ce_type']);
  const id = text(headers['ce_id']);
  if (ceType === undefined || !ceType.startsWith(TYPE_PREFIX) || !ceType.endsWith(TYPE_SUFFIX)) {
    return { problem: `header ce_type is ${ceType === undefined ? 'missing' : JSON.stringify(ceType)}; it must be ${TYPE_PREFIX}<Type>${TYPE_SUFFIX}` };
  }
  if (id === undefined || id === '') return { problem: 'header ce_id is missing; every message needs an id' };
  if (record.value === null) return { problem: 'the record has no value; the body must be a JSON object' };
  let data: unknown;
  try {
    data = JSON.parse(record.value.toString('utf8'));
  } catch (error) {
    return { problem: `the body is not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return { problem: 'the body must be a JSON object' };
  const traceparent = text(headers['traceparent']);
  const message = {
    topic,
    key: record.key?.toString('utf8') ?? '',
    type: ceType.slice(TYPE_PREFIX.length, -TYPE_SUFFIX.length),
    id,
    data,
    ...(traceparent === undefined ? {} : { traceparent }),
  };
  return { message: message as Message };
}

/** The record as it came, with why it was set aside. */
export function deadRecord(record: KafkaMessage, partition: number, letter: DeadLetter): KafkaRecord {
  return {
    key: record.key,
    value: record.value,
    headers: {
      ...record.headers,
      dagbook_dead_code: letter.code,
      dagbook_dead_reason: letter.reason.slice(0, 4_000),
      dagbook_dead_group: letter.group,
      dagbook_dead_topic: letter.topic,
      dagbook_dead_partition: String(partition),
      dagbook_dead_offset: record.offset,
    },
  };
}

const subjectOf = (message: Message): string =>
  'attemptId' in message.data ? message.data.attemptId : 'streamId' in message.data ? message.data.streamId : message.key;

const text = (header: IHeaders[string]): string | undefined => {
  const value = Array.isArray(header) ? header[0] : header;
  return value?.toString();
};
