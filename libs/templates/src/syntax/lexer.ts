import { raise } from '../error.ts';
import { spaceRun, stripEnd } from '../value/text.ts';

type TokenType = 'data' | 'variableBegin' | 'variableEnd' | 'blockBegin' | 'blockEnd' | 'name' | 'string' | 'integer' | 'float' | 'operator' | 'end';

export interface Token {
  readonly type: TokenType;
  /** The text of names, operators, strings (unescaped) and data; for numbers the value. */
  readonly value: string | bigint | number;
  readonly line: number;
}

const FLOAT = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const INTEGER = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const NAME = /[\p{L}\p{N}_]+/uy;
const IDENTIFIER = /^[\p{XID_Start}_]\p{XID_Continue}*$/u;
const STRING = /'[^'\\]*(?:\\[^][^'\\]*)*'|"[^"\\]*(?:\\[^][^"\\]*)*"/y;
const OPERATOR = /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,;]/y;
const RAW_END = /\{%([-+]?)\s*endraw\s*(\+%\}|-%\}|%\})/g;
/** Python reads no longer int. */
const MAX_DIGITS = 4300;
const CLOSERS: { readonly [opener: string]: string } = { '(': ')', '[': ']', '{': '}' };

/**
 * Cuts a template into tokens as Jinja's lexer does with its default delimiters: `{{`, `{%`, `{#`, `-` and `+` beside
 * them, raw blocks, and one line end at the very end dropped.
 */
export class Lexer {
  private readonly source: string;
  private readonly tokens: Token[] = [];
  private position = 0;
  private line = 1;
  private readonly spaces = spaceRun();

  constructor(source: string) {
    const unified = source.replace(/\r\n|\r/g, '\n');
    this.source = unified.endsWith('\n') ? unified.slice(0, -1) : unified;
  }

  tokenize(): Token[] {
    while (this.position < this.source.length) this.root();
    this.push('end', '');
    return this.tokens;
  }

  private root(): void {
    const opener = /\{[{%#]/g;
    opener.lastIndex = this.position;
    const found = opener.exec(this.source);
    if (found === null) {
      this.data(this.source.slice(this.position));
      this.position = this.source.length;
      return;
    }
    const text = this.source.slice(this.position, found.index);
    const begin = found.index + 2;
    const sign = this.source[begin] ?? '';
    const signed = sign === '-' || sign === '+';
    this.data(text, sign === '-');
    this.position = signed ? begin + 1 : begin;
    if (found[0] === '{#') this.comment();
    else if (found[0] === '{{') this.tag('variableBegin', 'variableEnd');
    else if (!this.raw()) this.tag('blockBegin', 'blockEnd');
  }

  private data(text: string, stripped = false): void {
    const kept = stripped ? stripEnd(text) : text;
    if (kept !== '') this.push('data', kept);
    this.countLines(text);
  }

  private comment(): void {
    const end = this.source.indexOf('#}', this.position);
    if (end < 0) raise('TemplateSyntaxError', 'Missing end of comment tag', this.line);
    this.countLines(this.source.slice(this.position, end));
    const trimmed = end > this.position && this.source[end - 1] === '-';
    this.position = end + 2;
    if (trimmed) this.skipSpace();
  }

  /** `{% raw %}` up to its end; false when the tag that begins here is another. */
  private raw(): boolean {
    const head = /\s*raw\s*(-%\}|%\})/y;
    head.lastIndex = this.position;
    const begin = head.exec(this.source);
    if (begin === null) return false;
    this.countLines(begin[0]);
    this.position = head.lastIndex;
    if (begin[1] === '-%}') this.skipSpace();
    RAW_END.lastIndex = this.position;
    const end = RAW_END.exec(this.source);
    if (end === null) raise('TemplateSyntaxError', 'Missing end of raw directive', this.line);
    this.data(this.source.slice(this.position, end.index), end[1] === '-');
    this.countLines(end[0]);
    this.position = end.index + end[0].length;
    if (end[2] === '-%}') this.skipSpace();
    return true;
  }

  private tag(begin: TokenType, end: TokenType): void {
    this.push(begin, '');
    const close = begin === 'variableBegin' ? '}}' : '%}';
    const open: string[] = [];
    for (;;) {
      this.skipSpace();
      if (this.position >= this.source.length) return;
      if (open.length === 0 && this.closes(close, begin === 'blockBegin')) {
        this.push(end, '');
        return;
      }
      this.expressionToken(open);
    }
  }

  private closes(close: string, mayKeep: boolean): boolean {
    if (this.source.startsWith(close, this.position)) {
      this.position += 2;
      return true;
    }
    const sign = this.source[this.position];
    if ((sign !== '-' && !(mayKeep && sign === '+')) || !this.source.startsWith(close, this.position + 1)) return false;
    this.position += 3;
    if (sign === '-') this.skipSpace();
    return true;
  }

  private expressionToken(open: string[]): void {
    const float = this.match(FLOAT);
    if (float !== undefined) return this.push('float', Number(float.replaceAll('_', '')));
    const integer = this.match(INTEGER);
    if (integer !== undefined) {
      if (integer.length > MAX_DIGITS) raise('ValueError', `Exceeds the limit (${MAX_DIGITS} digits) for integer string conversion`, this.line);
      return this.push('integer', BigInt(integer.replaceAll('_', '').toLowerCase()));
    }
    const name = this.match(NAME);
    if (name !== undefined) {
      if (!IDENTIFIER.test(name)) raise('TemplateSyntaxError', 'Invalid character in identifier', this.line);
      return this.push('name', name);
    }
    const string = this.match(STRING);
    if (string !== undefined) {
      this.push('string', unescapeString(string.slice(1, -1), this.line));
      return this.countLines(string);
    }
    const operator = this.match(OPERATOR);
    if (operator === undefined) raise('TemplateSyntaxError', `unexpected char '${this.source[this.position]}' at ${this.position}`, this.line);
    this.balance(operator, open);
    this.push('operator', operator);
  }

  private balance(operator: string, open: string[]): void {
    const closer = CLOSERS[operator];
    if (closer !== undefined) {
      open.push(closer);
      return;
    }
    if (operator !== ')' && operator !== ']' && operator !== '}') return;
    const expected = open.pop();
    if (expected === undefined) raise('TemplateSyntaxError', `unexpected '${operator}'`, this.line);
    if (expected !== operator) raise('TemplateSyntaxError', `unexpected '${operator}', expected '${expected}'`, this.line);
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.source);
    if (found === null) return undefined;
    this.position = pattern.lastIndex;
    return found[0];
  }

  private skipSpace(): void {
    this.spaces.lastIndex = this.position;
    const found = this.spaces.exec(this.source);
    if (found === null || found[0] === '') return;
    this.countLines(found[0]);
    this.position = this.spaces.lastIndex;
  }

  private countLines(text: string): void {
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.line += 1;
  }

  private push(type: TokenType, value: string | bigint | number): void {
    this.tokens.push({ type, value, line: this.line });
  }
}

const SINGLE: { readonly [char: string]: string } = {
  '\n': '', '\\': '\\', "'": "'", '"': '"', a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v',
};
const HEX_LENGTH: { readonly [char: string]: number } = { x: 2, u: 4, U: 8 };

/** Python's unicode-escape, with what is not ASCII escaped first, as Jinja does it. */
function unescapeString(text: string, line: number): string {
  if (!text.includes('\\')) return text;
  const ascii = text.replace(/[^\x00-\x7f]/gu, (point) => {
    const code = point.codePointAt(0)!;
    if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
  });
  return ascii.replace(/\\(x[\da-fA-F]{0,2}|u[\da-fA-F]{0,4}|U[\da-fA-F]{0,8}|N\{[^}]*\}?|[0-7]{1,3}|[^])/g, (whole, escape: string) => {
    const kind = escape[0] as string;
    const digits = HEX_LENGTH[kind];
    if (digits !== undefined) {
      if (escape.length !== digits + 1) raise('TemplateSyntaxError', `truncated \\${kind}${'X'.repeat(digits)} escape`, line);
      const code = parseInt(escape.slice(1), 16);
      if (code > 0x10ffff) raise('TemplateSyntaxError', 'illegal Unicode character', line);
      return String.fromCodePoint(code);
    }
    if (kind === 'N') raise('TemplateSyntaxError', 'unknown Unicode character name', line);
    if (kind >= '0' && kind <= '7') return String.fromCodePoint(parseInt(escape, 8));
    return SINGLE[escape] ?? whole;
  });
}
