import type { Message, MessageType, Service } from '@dagbook/contracts';
import { applyDecorators, Catch, type ExceptionFilter, UseFilters } from '@nestjs/common';
import { type CustomTransportStrategy, EventPattern, type MessageHandler, Server } from '@nestjs/microservices';
import { isObservable, lastValueFrom, type Observable, throwError } from 'rxjs';
import type { BatchHandler, Listener, MessageBroker, Subscription } from '../port.ts';

export interface DagbookTransportOptions {
  readonly broker: MessageBroker;
  readonly service: Service;
  /** Tells instances of one service apart: host and number, or the worker slot. */
  readonly instance: string;
  readonly subscriptions: readonly Subscription[];
  /** The listener cannot go on: `main.ts` exits the process. */
  onFatal?(error: unknown): void;
}

/**
 * Nest's extension point for transports, over a `MessageBroker`. Handlers are `@OnMessages` (or plain `@EventPattern`)
 * methods found by message type, never by topic. A method is called once for a run of consecutive messages of its
 * types with the whole run, so Nest's guards, pipes and filters cost once a batch. What the method's promise settles
 * to decides the commit.
 *
 * States: made → handlers added by Nest → listening → closed (safe twice, drains).
 */
export class DagbookTransport extends Server implements CustomTransportStrategy {
  readonly #options: DagbookTransportOptions;
  readonly #handlers = new Map<string, BatchHandler>();
  readonly #byMethod = new Map<object, BatchHandler>();
  #listener: Listener | undefined;

  override readonly propagatesEventHandlerErrors = true;

  constructor(options: DagbookTransportOptions) {
    super();
    this.#options = options;
  }

  override addHandler(pattern: unknown, callback: MessageHandler, isEventHandler = false, extras: Record<string, unknown> = {}): void {
    const type = String(pattern);
    if (!isEventHandler) throw new Error(`@MessagePattern('${type}'): there is no request and reply over the bus; use @OnMessages`);
    if (this.#handlers.has(type)) throw new Error(`two methods handle messages of type ${type}; let one of them call the other`);
    super.addHandler(pattern, callback, isEventHandler, extras);
    // Nest makes one callback a pattern; the method's metadata object is what says that two types share a method.
    const handler = this.#byMethod.get(extras) ?? batchHandler(callback);
    this.#byMethod.set(extras, handler);
    this.#handlers.set(type, handler);
  }

  async listen(callback: (error?: unknown) => void): Promise<void> {
    const { broker, service, instance, subscriptions } = this.#options;
    try {
      this.#listener = await broker.listen({
        service,
        instance,
        subscriptions,
        handlerOf: (type) => this.#handlers.get(type),
        onFatal: (error) => this.#options.onFatal?.(error),
      });
      callback();
    } catch (error) {
      callback(error);
    }
  }

  async close(): Promise<void> {
    await this.#listener?.close();
  }

  /** Milliseconds since the bus was last heard; infinite before `listen`. For readiness. */
  progressAgeMs(): number {
    return this.#listener?.progressAgeMs() ?? Number.POSITIVE_INFINITY;
  }

  on(): never {
    throw new Error('DagbookTransport has no events; pass onFatal');
  }

  unwrap<T>(): T {
    return this.#options.broker as T;
  }
}

/**
 * Lets a controller method `(messages: readonly Message[]) => Promise<void>` handle these message types, all in one
 * call where they stand beside one another. Its errors reach the bus as they are, with their `code` and `retryable`
 * (after a plain `@EventPattern` method Nest replaces them by "Internal server error").
 */
export const OnMessages = (...types: readonly [MessageType, ...MessageType[]]): MethodDecorator =>
  applyDecorators(EventPattern([...types], { types }), UseFilters(errorsAsTheyAre));

@Catch()
class ErrorsAsTheyAre implements ExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}
const errorsAsTheyAre = new ErrorsAsTheyAre();

const batchHandler =
  (callback: MessageHandler): BatchHandler =>
  async (messages: readonly Message[]) => {
    const result: unknown = await callback(messages);
    if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
  };
