import { StringDecoder } from 'node:string_decoder';

/** A line, or a piece of one that goes on with the next. */
export type OnLine = (line: string, goesOn: boolean) => void;

/**
 * Cuts a stream of bytes into lines of text, across chunk borders and characters cut in half; `\r\n` ends a line too.
 * A line is handed on in pieces of at most `maxLength` characters, so that endless output needs no endless memory; with
 * a `mask` no piece ends within a secret.
 */
export class LineReader {
  readonly #onLine: OnLine;
  readonly #maxLength: number;
  readonly #decoder = new StringDecoder('utf8');
  readonly #mask: () => LineMask | undefined;
  #rest = '';

  constructor(onLine: OnLine, options: { readonly maxLength?: number; readonly mask?: () => LineMask | undefined } = {}) {
    this.#onLine = onLine;
    this.#maxLength = options.maxLength ?? 1024 * 1024;
    this.#mask = options.mask ?? (() => undefined);
  }

  push(chunk: Buffer): void {
    const text = this.#rest + this.#decoder.write(chunk);
    let from = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
      this.#emit(text.slice(from, text.charCodeAt(end - 1) === CARRIAGE_RETURN && end > from ? end - 1 : end));
      from = end + 1;
    }
    this.#rest = text.slice(from);
    if (this.#rest.length > this.#maxLength) this.#rest = this.#cut(this.#rest, this.#mask()?.longest ?? 0);
  }

  /** The stream has ended: an unfinished last line is a line. */
  end(): void {
    const last = this.#rest + this.#decoder.end();
    this.#rest = '';
    if (last !== '') this.#emit(last);
  }

  #emit(line: string): void {
    this.#onLine(line.length > this.#maxLength ? this.#cut(line, 0) : line, false);
  }

  /** Hands on whole pieces and answers what is left; of its end, `unsure` characters may yet be the beginning of a secret. */
  #cut(line: string, unsure: number): string {
    let rest = this.#mask()?.mask(line) ?? line;
    while (rest.length - unsure > this.#maxLength) {
      this.#onLine(rest.slice(0, this.#maxLength), true);
      rest = rest.slice(this.#maxLength);
    }
    return rest;
  }
}

interface LineMask {
  mask(text: string): string;
  /** Characters of the longest secret. */
  readonly longest: number;
}

const CARRIAGE_RETURN = 13;
