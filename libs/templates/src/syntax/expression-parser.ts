import { raise } from '../error.ts';
import type { BinaryOperator, CompareOperator } from '../value/operator.ts';
import type { Application, CallArguments, Expression, Target } from './ast.ts';
import type { TokenStream } from './token-stream.ts';
import { describe } from './token-stream.ts';

const COMPARISONS: readonly string[] = ['==', '!=', '<', '<=', '>', '>='] satisfies CompareOperator[];
const CONSTANTS: ReadonlyMap<string, null | boolean> = new Map([['true', true], ['True', true], ['false', false], ['False', false], ['none', null], ['None', null]]);
const NO_ARGUMENTS: CallArguments = { positional: [], named: [], spread: undefined, spreadNamed: undefined };

interface TupleRules {
  readonly conditional?: boolean;
  /** A name that ends the tuple, as `recursive` ends what a loop goes over. */
  readonly endName?: string;
  readonly parenthesised?: boolean;
}

/** Jinja's expressions, one method a level of precedence, loosest first. */
export class ExpressionParser {
  private readonly stream: TokenStream;

  constructor(stream: TokenStream) {
    this.stream = stream;
  }

  expression(): Expression {
    return this.stream.nested(() => this.conditional());
  }

  tuple({ conditional = true, endName, parenthesised = false }: TupleRules = {}): Expression {
    const { line } = this.stream.current;
    const items: Expression[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) this.stream.expectOperator(',');
      if (this.endsTuple(endName)) break;
      items.push(conditional ? this.expression() : this.stream.nested(() => this.or()));
      if (!this.stream.isOperator(',')) break;
      isTuple = true;
    }
    if (!isTuple) {
      const [only] = items;
      if (only !== undefined) return only;
      if (!parenthesised) this.stream.fail(`Expected an expression, got '${describe(this.stream.current)}'`);
    }
    return { kind: 'tuple', items, line };
  }

  /** What an assignment may store to: names, tuples of them, and attributes of namespaces where the statement allows it. */
  target({ endName, namespaces = false }: { readonly endName?: string; readonly namespaces?: boolean } = {}): Target {
    const { line } = this.stream.current;
    const items: Target[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) this.stream.expectOperator(',');
      if (this.endsTuple(endName)) break;
      items.push(this.targetItem(namespaces));
      if (!this.stream.isOperator(',')) break;
      isTuple = true;
    }
    const [only] = items;
    if (isTuple) return { kind: 'targets', items, line };
    return only ?? this.stream.fail(`Expected an expression, got '${describe(this.stream.current)}'`);
  }

  targetName(): string {
    const { value, line } = this.stream.expectName();
    if (CONSTANTS.has(value as string)) this.stream.fail("can't assign to 'const'", line);
    return value as string;
  }

  call(callee: Expression): Expression {
    const { line } = this.stream.current;
    return { kind: 'call', callee, args: this.callArguments(), line };
  }

  /** One filter or a chain of them over a value, or over the body of a block when there is none. */
  filters(value: Expression | undefined, first = false): Expression | undefined {
    let filtered = value;
    for (let begun = first; begun || this.stream.skipOperator('|'); begun = false) {
      const filter = this.application();
      filtered = { kind: 'filter', value: filtered, filter, line: filter.line };
    }
    return filtered;
  }

  private endsTuple(endName: string | undefined): boolean {
    const { type } = this.stream.current;
    return type === 'variableEnd' || type === 'blockEnd' || this.stream.isOperator(')') || (endName !== undefined && this.stream.isName(endName));
  }

  private targetItem(namespaces: boolean): Target {
    const { type, line } = this.stream.current;
    if (this.stream.skipOperator('(')) {
      const inner = this.stream.nested(() => this.target({ namespaces }));
      this.stream.expectOperator(')');
      return inner;
    }
    if (type !== 'name') {
      const expression = this.primary();
      this.stream.fail(`can't assign to '${expression.kind === 'constant' ? 'const' : expression.kind}'`, line);
    }
    const name = this.targetName();
    if (!namespaces || !this.stream.skipOperator('.')) return { kind: 'name', name, line };
    return { kind: 'namespaceAttribute', namespace: name, name: this.stream.expectName().value as string, line };
  }

  private conditional(): Expression {
    const { line } = this.stream.current;
    let then = this.or();
    while (this.stream.skipName('if')) {
      const test = this.or();
      const otherwise = this.stream.skipName('else') ? this.stream.nested(() => this.conditional()) : undefined;
      then = { kind: 'conditional', test, then, otherwise, line };
    }
    return then;
  }

  private or(): Expression {
    let left = this.and();
    while (this.stream.skipName('or')) left = { kind: 'or', left, right: this.and(), line: left.line };
    return left;
  }

  private and(): Expression {
    let left = this.not();
    while (this.stream.skipName('and')) left = { kind: 'and', left, right: this.not(), line: left.line };
    return left;
  }

  private not(): Expression {
    const { line } = this.stream.current;
    if (this.stream.skipName('not')) return { kind: 'not', operand: this.stream.nested(() => this.not()), line };
    return this.compare();
  }

  private compare(): Expression {
    const first = this.sum();
    const rest: (readonly [CompareOperator, Expression])[] = [];
    for (;;) {
      const operator = this.compareOperator();
      if (operator === undefined) break;
      rest.push([operator, this.sum()]);
    }
    return rest.length === 0 ? first : { kind: 'compare', first, rest, line: first.line };
  }

  private compareOperator(): CompareOperator | undefined {
    if (this.stream.isOperator(...COMPARISONS)) return this.stream.next().value as CompareOperator;
    if (this.stream.skipName('in')) return 'in';
    if (!this.stream.isName('not') || !this.stream.followingIs('name', 'in')) return undefined;
    this.stream.next();
    this.stream.next();
    return 'not in';
  }

  private sum(): Expression {
    return this.leftAssociative(['+', '-'], () => this.concat());
  }

  private concat(): Expression {
    const first = this.product();
    if (!this.stream.isOperator('~')) return first;
    const items = [first];
    while (this.stream.skipOperator('~')) items.push(this.product());
    return { kind: 'concat', items, line: first.line };
  }

  private product(): Expression {
    return this.leftAssociative(['*', '/', '//', '%'], () => this.power());
  }

  private power(): Expression {
    return this.leftAssociative(['**'], () => this.unary());
  }

  private leftAssociative(operators: readonly BinaryOperator[], operand: () => Expression): Expression {
    let left = operand();
    while (this.stream.isOperator(...operators)) {
      const operator = this.stream.next().value as BinaryOperator;
      left = { kind: 'binary', operator, left, right: operand(), line: left.line };
    }
    return left;
  }

  private unary(withFilters = true): Expression {
    const { line } = this.stream.current;
    let node: Expression;
    if (this.stream.skipOperator('-')) node = { kind: 'negative', operand: this.stream.nested(() => this.unary(false)), line };
    else if (this.stream.skipOperator('+')) node = { kind: 'positive', operand: this.stream.nested(() => this.unary(false)), line };
    else node = this.primary();
    node = this.postfix(node);
    return withFilters ? this.filtersAndTests(node) : node;
  }

  private primary(): Expression {
    const token = this.stream.current;
    const { line } = token;
    switch (token.type) {
      case 'name': {
        this.stream.next();
        const constant = CONSTANTS.get(token.value as string);
        return constant === undefined ? { kind: 'name', name: token.value as string, line } : { kind: 'constant', value: constant, line };
      }
      case 'string': {
        let value = '';
        while (this.stream.current.type === 'string') value += this.stream.next().value as string;
        return { kind: 'constant', value, line };
      }
      case 'integer':
      case 'float':
        return { kind: 'constant', value: this.stream.next().value, line };
      case 'operator':
        return this.bracketed();
      case 'data': case 'variableBegin': case 'variableEnd': case 'blockBegin': case 'blockEnd': case 'end':
        return this.stream.fail(`unexpected '${describe(token)}'`);
    }
  }

  private bracketed(): Expression {
    const { line } = this.stream.current;
    if (this.stream.skipOperator('(')) {
      const inner = this.tuple({ parenthesised: true });
      this.stream.expectOperator(')');
      return inner;
    }
    if (this.stream.skipOperator('[')) return { kind: 'list', items: this.separated(']', () => this.expression()), line };
    if (this.stream.skipOperator('{')) {
      const entries = this.separated('}', () => {
        const key = this.expression();
        this.stream.expectOperator(':');
        return [key, this.expression()] as const;
      });
      return { kind: 'dict', entries, line };
    }
    return this.stream.fail(`unexpected '${describe(this.stream.current)}'`);
  }

  private separated<T>(close: string, item: () => T): T[] {
    const items: T[] = [];
    while (!this.stream.isOperator(close)) {
      if (items.length > 0) this.stream.expectOperator(',');
      if (this.stream.isOperator(close)) break;
      items.push(item());
    }
    this.stream.expectOperator(close);
    return items;
  }

  private postfix(node: Expression): Expression {
    let result = node;
    for (;;) {
      if (this.stream.skipOperator('.')) result = this.dotted(result);
      else if (this.stream.skipOperator('[')) result = this.subscript(result);
      else if (this.stream.isOperator('(')) result = this.call(result);
      else return result;
    }
  }

  private filtersAndTests(node: Expression): Expression {
    let result = node;
    for (;;) {
      if (this.stream.isOperator('|')) result = this.filters(result) as Expression;
      else if (this.stream.isName('is')) result = this.test(result);
      else if (this.stream.isOperator('(')) result = this.call(result);
      else return result;
    }
  }

  private dotted(of: Expression): Expression {
    const { type, value, line } = this.stream.next();
    if (type === 'name') return { kind: 'attribute', of, name: value as string, line };
    if (type !== 'integer') this.stream.fail('expected name or number', line);
    return { kind: 'item', of, key: { kind: 'constant', value, line }, line };
  }

  private subscript(of: Expression): Expression {
    const { line } = this.stream.current;
    const keys: Expression[] = [];
    while (!this.stream.isOperator(']')) {
      if (keys.length > 0) this.stream.expectOperator(',');
      keys.push(this.subscribed());
    }
    this.stream.expectOperator(']');
    const [only] = keys;
    return { kind: 'item', of, key: keys.length === 1 && only !== undefined ? only : { kind: 'tuple', items: keys, line }, line };
  }

  private subscribed(): Expression {
    const { line } = this.stream.current;
    const start = this.stream.isOperator(':') ? undefined : this.expression();
    if (!this.stream.skipOperator(':')) return start as Expression;
    const stop = this.stream.isOperator(':', ']', ',') ? undefined : this.expression();
    const step = this.stream.skipOperator(':') && !this.stream.isOperator(']', ',') ? this.expression() : undefined;
    return { kind: 'slice', start, stop, step, line };
  }

  private callArguments(): CallArguments {
    const { line } = this.stream.expectOperator('(');
    const positional: Expression[] = [];
    const named: (readonly [string, Expression])[] = [];
    let spread: Expression | undefined;
    let spreadNamed: Expression | undefined;
    const ensure = (allowed: boolean): void => {
      if (!allowed) this.stream.fail('invalid syntax for function call expression', line);
    };
    for (let first = true; !this.stream.isOperator(')'); first = false) {
      if (!first) this.stream.expectOperator(',');
      if (!first && this.stream.isOperator(')')) break;
      if (this.stream.skipOperator('*')) {
        ensure(spread === undefined && spreadNamed === undefined);
        spread = this.expression();
      } else if (this.stream.skipOperator('**')) {
        ensure(spreadNamed === undefined);
        spreadNamed = this.expression();
      } else if (this.stream.current.type === 'name' && this.stream.followingIs('operator', '=')) {
        ensure(spreadNamed === undefined);
        const name = this.stream.next().value as string;
        this.stream.next();
        if (named.some(([known]) => known === name)) raise('SyntaxError', `keyword argument repeated: ${name}`, line);
        named.push([name, this.expression()]);
      } else {
        ensure(spread === undefined && spreadNamed === undefined && named.length === 0);
        positional.push(this.expression());
      }
    }
    this.stream.expectOperator(')');
    return { positional, named, spread, spreadNamed };
  }

  private dottedName(): { readonly name: string; readonly line: number } {
    const { value, line } = this.stream.expectName();
    let name = value as string;
    while (this.stream.skipOperator('.')) name += `.${this.stream.expectName().value as string}`;
    return { name, line };
  }

  private application(): Application {
    const named = this.dottedName();
    return { ...named, args: this.stream.isOperator('(') ? this.callArguments() : NO_ARGUMENTS };
  }

  private test(value: Expression): Expression {
    const { line } = this.stream.next();
    const negated = this.stream.skipName('not');
    const { name } = this.dottedName();
    const test: Expression = { kind: 'test', value, test: { name, args: this.testArguments(), line }, line };
    return negated ? { kind: 'not', operand: test, line } : test;
  }

  /** A test takes its argument in parentheses or bare: `is divisibleby 3`. */
  private testArguments(): CallArguments {
    if (this.stream.isOperator('(')) return this.callArguments();
    const { type } = this.stream.current;
    const begins = type === 'name' || type === 'string' || type === 'integer' || type === 'float' || this.stream.isOperator('[', '{');
    if (!begins || this.stream.isName('else', 'or', 'and')) return NO_ARGUMENTS;
    if (this.stream.isName('is')) this.stream.fail('You cannot chain multiple tests with is');
    return { ...NO_ARGUMENTS, positional: [this.stream.nested(() => this.postfix(this.primary()))] };
  }
}
