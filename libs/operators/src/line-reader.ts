import { StringDecoder } from 'node:string_decoder';

/**
 * Cuts a stream of bytes into lines of text, across chunk borders and characters cut in half; `\r\n` ends a line too.
 * A line is handed on in pieces of at most `maxLength` characters, so that endless output needs no endless memory.
 */
export class LineReader {
  readonly #onLine: (line: string) => void;
  readonly #maxLength: number;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(onLine: (line: string) => void, maxLength = 1024 * 1024) {
    this.#onLine = onLine;
    this.#maxLength = maxLength;
  }

  push(chunk: Buffer): void {
    const text = this.#rest + this.#decoder.write(chunk);
    let from = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
      this.#emit(text.slice(from, text.charCodeAt(end - 1) === CARRIAGE_RETURN && end > from ? end - 1 : end));
      from = end + 1;
    }
    this.#rest = text.slice(from);
    while (this.#rest.length > this.#maxLength) {
      this.#onLine(this.#rest.slice(0, this.#maxLength));
      this.#rest = this.#rest.slice(this.#maxLength);
    }
  }

  /** The stream has ended: an unfinished last line is a line. */
  end(): void {
    const last = this.#rest + this.#decoder.end();
    this.#rest = '';
    if (last !== '') this.#emit(last);
  }

  #emit(line: string): void {
    let rest = line;
    for (; rest.length > this.#maxLength; rest = rest.slice(this.#maxLength)) this.#onLine(rest.slice(0, this.#maxLength));
    this.#onLine(rest);
  }
}

const CARRIAGE_RETURN = 13;
