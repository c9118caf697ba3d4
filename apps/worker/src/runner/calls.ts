import type { Json } from '@dagbook/domain';
import { FrameType } from '../frame.ts';
import type { Call, CallAnswer } from '../runner-protocol.ts';
import type { Channel } from './reply-channel.ts';

type Question = Call extends infer One ? (One extends Call ? Omit<One, 'id'> : never) : never;

/** Questions to the execution API, asked through the worker, which holds the attempt's token. */
export class Calls {
  readonly #open = new Map<number, { resolve(value: Json): void; reject(error: Error): void }>();
  readonly #channel: Channel;
  #lastId = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  ask(question: Question): Promise<Json> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#open.set(id, { resolve, reject });
      this.#channel(FrameType.call, JSON.stringify({ id, ...question }));
    });
  }

  answer(answer: CallAnswer): void {
    const open = this.#open.get(answer.id);
    this.#open.delete(answer.id);
    if ('error' in answer) open?.reject(Object.assign(new Error(answer.error.message), { code: answer.error.code }));
    else open?.resolve(answer.value);
  }
}
