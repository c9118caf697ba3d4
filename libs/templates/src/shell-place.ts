import { TemplateError } from './error.ts';

/** A value that stands somewhere in a command. */
interface PlacedValue {
  readonly value: string;
  /** `${NAME}` of a variable that holds it. */
  reference(): string;
}

/** Where the shell is while it reads, and by what it leaves again. */
type Place =
  /** `judgesNumbers`: of `[[ … ]]` that compares numbers, which evaluates what it compares. */
  | { readonly kind: 'code'; readonly end: ')' | '`' | ']]' | null; readonly judgesNumbers?: boolean }
  | { readonly kind: 'braces' | 'double' | 'single' | 'ansi' | 'comment' }
  | { readonly kind: 'arithmetic'; parentheses: number };

interface HereDocument {
  readonly delimiter: string;
  readonly isQuoted: boolean;
  readonly tabsGo: boolean;
}

const PLACE = /\ufdd0(\d+)\ufdd1/y;
const HERE = /<<(-?)[ \t]*(?:'([^'\n]*)'|"([^"\n]*)"|(\\?)([^\s'"\\;&|<>()]+))/y;
/** No shell sees more in these than letters, wherever they stand. */
const PLAIN = /^[\w./:=,@%+ -]*$/;
const NUMBER = /^\s*[-+]?\d*\.?\d*\s*$/;
/** Comparisons of numbers, and the question whether a variable is set, evaluate their operands. */
const NUMERIC_TEST = /\s-(?:eq|ne|lt|le|gt|ge|v)\s/;
/** An array's subscript is evaluated, quoted or not. */
const SUBSCRIPT = /[A-Za-z_]\w*\[["']?[^\]"'\n]*$/;

/**
 * Puts a reference to a variable where the text has the place of a value (U+FDD0, its number, U+FDD1), reading the text as
 * a POSIX shell or bash does: outside of quotes the value is split into words as any expansion is, inside double quotes it
 * is one, and single quotes are left for it. The value itself goes nowhere into the command, but a plain one into a here
 * document whose delimiter is quoted, where nothing is expanded. Whatever the reading mistakes, a value is never code.
 */
export function placeValues(text: string, valueAt: (index: number) => PlacedValue): string {
  return new ShellReading(text, valueAt).read();
}

/** State: how far the text is read, what is written, where the shell stands, and the here documents that begin at the next line. */
class ShellReading {
  readonly #text: string;
  readonly #valueAt: (index: number) => PlacedValue;
  readonly #places: Place[] = [{ kind: 'code', end: null }];
  readonly #documents: HereDocument[] = [];
  #at = 0;
  #written = '';

  constructor(text: string, valueAt: (index: number) => PlacedValue) {
    this.#text = text;
    this.#valueAt = valueAt;
  }

  read(): string {
    while (this.#at < this.#text.length) {
      const value = this.#valueHere();
      if (value === undefined) this.#readOne(this.#place);
      else this.#written += this.#placed(value);
    }
    return this.#written;
  }

  get #place(): Place {
    return this.#places.at(-1) as Place;
  }

  #valueHere(): PlacedValue | undefined {
    PLACE.lastIndex = this.#at;
    const found = PLACE.exec(this.#text);
    if (found === null) return undefined;
    this.#at += found[0].length;
    return this.#valueAt(Number(found[1]));
  }

  #placed({ value, reference }: PlacedValue): string {
    if (this.#isEvaluated && !NUMBER.test(value)) {
      throw new TemplateError('ValueError', 'A value stands where a shell evaluates it (arithmetic, a subscript, a comparison of numbers) and is no number: the shell would read it as code.');
    }
    switch (this.#place.kind) {
      case 'single':
        return `'"${reference()}"'`;
      case 'ansi':
        return `'"${reference()}"$'`;
      case 'arithmetic':
      case 'code':
      case 'braces':
      case 'double':
      case 'comment':
        return reference();
    }
  }

  /** A shell takes a name or an expression out of what stands there and carries it out. */
  get #isEvaluated(): boolean {
    if (this.#places.some((place) => place.kind === 'arithmetic' || (place.kind === 'code' && place.judgesNumbers === true))) return true;
    const within = this.#place.kind === 'double' || this.#place.kind === 'single' ? this.#places.at(-2)?.kind : this.#place.kind;
    if (within !== 'code' && within !== 'braces') return false;
    const before = this.#text.slice(Math.max(0, this.#at - 300), this.#at).replace(/\ufdd0\d+\ufdd1$/, '');
    // In double quotes a bracket is a bracket, unless the quotes began within it.
    return this.#place.kind === 'code' || this.#place.kind === 'braces' ? SUBSCRIPT.test(before) : /[A-Za-z_]\w*\[["'][^"'\]]*$/.test(before);
  }

  #take(length: number): void {
    this.#written += this.#text.slice(this.#at, this.#at + length);
    this.#at += length;
  }

  #enter(place: Place, length: number): void {
    this.#places.push(place);
    this.#take(length);
  }

  #leave(length: number): void {
    this.#places.pop();
    this.#take(length);
  }

  #readOne(place: Place): void {
    const char = this.#text[this.#at] as string;
    switch (place.kind) {
      case 'single':
        return char === "'" ? this.#leave(1) : this.#take(1);
      case 'ansi':
        return char === '\\' ? this.#take(2) : char === "'" ? this.#leave(1) : this.#take(1);
      case 'comment':
        // The line's end belongs to the code around it.
        return char === '\n' ? this.#leave(0) : this.#take(1);
      case 'double':
        return char === '"' ? this.#leave(1) : this.#readExpansion(char);
      case 'braces':
        return char === '}' ? this.#leave(1) : char === '"' ? this.#enter({ kind: 'double' }, 1) : char === "'" && !this.#isWithinDouble ? this.#enter({ kind: 'single' }, 1) : this.#readExpansion(char);
      case 'arithmetic':
        return this.#readArithmetic(place, char);
      case 'code':
        return this.#readCode(place, char);
    }
  }

  /** What begins in double quotes as well. */
  #readExpansion(char: string): void {
    if (char === '\\') return this.#isEscape() ? this.#take(2) : this.#take(1);
    if (this.#has('$((')) return this.#enter({ kind: 'arithmetic', parentheses: 0 }, 3);
    if (this.#has('$(')) return this.#enter({ kind: 'code', end: ')' }, 2);
    if (this.#has('${')) return this.#enter({ kind: 'braces' }, 2);
    if (char === '`') return this.#places.some((place) => place.kind === 'code' && place.end === '`') ? this.#take(1) : this.#enter({ kind: 'code', end: '`' }, 1);
    this.#take(1);
  }

  #readArithmetic(place: { parentheses: number }, char: string): void {
    if (place.parentheses === 0 && this.#has('))')) return this.#leave(2);
    if (char === '(') place.parentheses += 1;
    if (char === ')') place.parentheses -= 1;
    return char === '(' || char === ')' ? this.#take(1) : this.#readExpansion(char);
  }

  #readCode(place: { readonly end: ')' | '`' | ']]' | null }, char: string): void {
    if (place.end === ']]' ? this.#has(']]') : char === place.end) return this.#leave((place.end as string).length);
    if (char === "'") return this.#enter({ kind: 'single' }, 1);
    if (char === '"') return this.#enter({ kind: 'double' }, 1);
    if (this.#has("$'")) return this.#enter({ kind: 'ansi' }, 2);
    if (char === '#' && this.#isWordStart()) return this.#enter({ kind: 'comment' }, 1);
    if (this.#has('((') && this.#isWordStart()) return this.#enter({ kind: 'arithmetic', parentheses: 0 }, 2);
    if (char === '(') return this.#enter({ kind: 'code', end: ')' }, 1);
    if (this.#has('[[') && this.#isWordStart()) {
      const end = this.#text.indexOf(']]', this.#at);
      return this.#enter({ kind: 'code', end: ']]', judgesNumbers: NUMERIC_TEST.test(this.#text.slice(this.#at, end === -1 ? undefined : end)) }, 2);
    }
    if (this.#has('<<<')) return this.#take(3);
    if (this.#has('<<')) return this.#readHere();
    if (char === '\n' && this.#documents.length > 0) return this.#readDocuments();
    this.#readExpansion(char);
  }

  #readHere(): void {
    HERE.lastIndex = this.#at;
    const found = HERE.exec(this.#text);
    if (found === null) return this.#take(2);
    const [whole, dash, single, double, backslash, bare] = found;
    this.#documents.push({ delimiter: single ?? double ?? bare ?? '', isQuoted: bare === undefined || backslash !== '', tabsGo: dash === '-' });
    this.#take(whole.length);
  }

  #readDocuments(): void {
    this.#take(1);
    for (const document of this.#documents.splice(0)) this.#readDocument(document);
  }

  #readDocument({ delimiter, isQuoted, tabsGo }: HereDocument): void {
    while (this.#at < this.#text.length) {
      const end = this.#text.indexOf('\n', this.#at);
      const lineEnd = end === -1 ? this.#text.length : end + 1;
      const line = this.#text.slice(this.#at, lineEnd).replace(/\n$/, '');
      if ((tabsGo ? line.replace(/^\t+/, '') : line) === delimiter) return this.#take(line.length);
      while (this.#at < lineEnd) {
        const value = this.#valueHere();
        if (value === undefined) this.#take(1);
        else if (!isQuoted) this.#written += value.reference();
        else if (PLAIN.test(value.value)) this.#written += value.value;
        else throw new TemplateError('ValueError', `A value stands in a here document that expands nothing, <<'${delimiter}': write <<${delimiter}, or hand the value over by env.`);
      }
    }
  }

  #has(wanted: string): boolean {
    return this.#text.startsWith(wanted, this.#at);
  }

  /** A backslash before the place of a value escapes nothing of it. */
  #isEscape(): boolean {
    return this.#text[this.#at + 1] !== '\ufdd0';
  }

  #isWordStart(): boolean {
    return this.#at === 0 || /[\s;&|()`]/.test(this.#text[this.#at - 1] as string);
  }

  get #isWithinDouble(): boolean {
    return this.#places.at(-2)?.kind === 'double';
  }
}
