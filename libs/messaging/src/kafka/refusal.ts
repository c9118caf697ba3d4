import { BusFault } from '../port.ts';

interface KafkaError {
  readonly name?: string;
  /** Of the protocol: `TOPIC_AUTHORIZATION_FAILED`, … */
  readonly type?: string;
  /** Of the system, or of TLS. */
  readonly code?: string | number;
  readonly cause?: unknown;
  /** Of a request about several topics. */
  readonly errors?: readonly unknown[];
}

/** An error and what it came of, outermost first. */
function chainOf(error: unknown): readonly KafkaError[] {
  const chain: KafkaError[] = [];
  for (let one = error; typeof one === 'object' && one !== null; one = (one as KafkaError).cause ?? (one as KafkaError).errors?.[0]) chain.push(one as KafkaError);
  return chain;
}

/** What the protocol calls it; kafkajs wraps it, at times twice. */
export const protocolTypeOf = (error: unknown): string | undefined => chainOf(error).map(({ type }) => type).find((type) => type !== undefined);

/** What Node calls a certificate that does not hold. */
const CERTIFICATE_CODES: ReadonlySet<unknown> = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID',
  'CERT_SIGNATURE_FAILURE', 'ERR_TLS_CERT_ALTNAME_INVALID',
]);

export const isForbidden = (error: unknown): boolean => protocolTypeOf(error)?.endsWith('_AUTHORIZATION_FAILED') === true;

/** Why a first connection came to nothing: away, or a refusal that no patience mends, with what to set. */
export function connectFault(brokers: readonly string[], error: unknown): BusFault {
  if (error instanceof BusFault) return error;
  const place = `Kafka at ${brokers.join(', ')}`;
  const said = (error instanceof Error ? error.message : String(error)).trim();
  const chain = chainOf(error);
  const refused = (sentence: string): BusFault => new BusFault('bus.refused', `${sentence} (${said})`, { retryable: false, cause: error });
  if (chain.some(({ name }) => name === 'KafkaJSSASLAuthenticationError')) return refused(`${place} refuses the user or the password: correct DAGBOOK_KAFKA_SASL_USERNAME or DAGBOOK_KAFKA_SASL_PASSWORD`);
  if (chain.some(({ code }) => CERTIFICATE_CODES.has(code))) return refused(`the certificate of ${place} does not hold here: DAGBOOK_KAFKA_TLS_CA must be of who signed it, and it must name the address`);
  if (chain.some(({ code }) => typeof code === 'string' && code.startsWith('ERR_SSL_'))) return refused(`${place} refuses the certificate of this service, or speaks no TLS: correct DAGBOOK_KAFKA_TLS_CERT, or leave DAGBOOK_KAFKA_TLS out`);
  if (isForbidden(error)) return refused(`${place} gives this service no right to what it needs: its topics may not be made yet, or rights are missing`);
  return new BusFault('bus.unavailable', `${place} does not answer: ${said}`, { retryable: true, cause: error });
}
