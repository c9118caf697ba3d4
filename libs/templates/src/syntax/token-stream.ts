import { raise } from '../error.ts';
import type { Token } from './lexer.ts';

/** Nesting beyond this is refused, where Python would run out of stack. */
const MAX_NESTING = 150;

export class TokenStream {
  private readonly tokens: readonly Token[];
  private position = 0;
  private nesting = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  get current(): Token {
    return this.tokens[this.position] as Token;
  }

  get following(): Token {
    return this.tokens[Math.min(this.position + 1, this.tokens.length - 1)] as Token;
  }

  next(): Token {
    const token = this.current;
    if (token.type !== 'end') this.position += 1;
    return token;
  }

  isOperator(...operators: readonly string[]): boolean {
    return this.current.type === 'operator' && operators.includes(this.current.value as string);
  }

  isName(...names: readonly string[]): boolean {
    return this.current.type === 'name' && names.includes(this.current.value as string);
  }

  followingIs(type: 'name' | 'operator', value: string): boolean {
    return this.following.type === type && this.following.value === value;
  }

  skipOperator(operator: string): boolean {
    const found = this.isOperator(operator);
    if (found) this.next();
    return found;
  }

  skipName(name: string): boolean {
    const found = this.isName(name);
    if (found) this.next();
    return found;
  }

  expectOperator(operator: string): Token {
    return this.isOperator(operator) ? this.next() : this.unexpected(operator);
  }

  expectName(name?: string): Token {
    return this.current.type === 'name' && (name === undefined || this.current.value === name) ? this.next() : this.unexpected(name ?? 'name');
  }

  expect(type: Token['type'], described: string): Token {
    return this.current.type === type ? this.next() : this.unexpected(described);
  }

  nested<T>(parse: () => T): T {
    this.nesting += 1;
    if (this.nesting > MAX_NESTING) raise('RecursionError', `The template nests deeper than ${MAX_NESTING} levels.`, this.current.line);
    const parsed = parse();
    this.nesting -= 1;
    return parsed;
  }

  fail(message: string, line = this.current.line): never {
    raise('TemplateSyntaxError', message, line);
  }

  private unexpected(expected: string): never {
    if (this.current.type === 'end') this.fail(`unexpected end of template, expected '${expected}'.`);
    this.fail(`expected token '${expected}', got '${describe(this.current)}'`);
  }
}

const DESCRIBED: { readonly [type in Token['type']]?: string } = {
  data: 'template data / text', variableBegin: 'begin of print statement', variableEnd: 'end of print statement',
  blockBegin: 'begin of statement block', blockEnd: 'end of statement block', string: 'string', integer: 'integer', float: 'float', end: 'end of template',
};

export const describe = (token: Token): string => DESCRIBED[token.type] ?? String(token.value);
