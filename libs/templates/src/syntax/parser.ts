import { raise } from '../error.ts';
import { isSpace } from '../value/text.ts';
import type { Block, Expression, Macro, Parameter, Statement, Target, Template } from './ast.ts';
import { ExpressionParser } from './expression-parser.ts';
import { Lexer } from './lexer.ts';
import { namesUsed } from './names.ts';
import { TokenStream } from './token-stream.ts';

/** A template's syntax tree. Throws `TemplateError`: `TemplateSyntaxError`, `TemplateAssertionError` or `RecursionError`. */
export const parse = (source: string): Template => new Parser(source).template();

class Parser {
  private readonly stream: TokenStream;
  private readonly expressions: ExpressionParser;
  private readonly blocks = new Map<string, Block>();
  private readonly blockNames = new Set<string>();
  /** The tags that are open, innermost last. */
  private readonly openTags: string[] = [];

  constructor(source: string) {
    this.stream = new TokenStream(new Lexer(source).tokenize());
    this.expressions = new ExpressionParser(this.stream);
  }

  template(): Template {
    return { body: this.statements([]), blocks: this.blocks };
  }

  /** Up to a tag of one of these names, which stays the current token; up to the end of the template when there are none. */
  private statements(ends: readonly string[]): Statement[] {
    const body: Statement[] = [];
    for (;;) {
      const { type, value, line } = this.stream.current;
      if (type === 'end') {
        if (ends.length > 0) this.failAtEnd(ends);
        return body;
      }
      this.stream.next();
      if (type === 'data') body.push({ kind: 'text', text: value as string, line });
      else if (type === 'variableBegin') {
        body.push({ kind: 'print', value: this.expressions.tuple(), line });
        this.stream.expect('variableEnd', 'end of print statement');
      } else {
        if (this.stream.isName(...ends)) return body;
        body.push(...this.statement(ends));
        this.stream.expect('blockEnd', 'end of statement block');
      }
    }
  }

  /** The body of a tag and the name of the tag that ends it. */
  private body(...ends: readonly string[]): { readonly body: Statement[]; readonly end: string } {
    this.stream.skipOperator(':');
    this.stream.expect('blockEnd', 'end of statement block');
    const body = this.stream.nested(() => this.statements(ends));
    return { body, end: this.stream.next().value as string };
  }

  private failAtEnd(ends: readonly string[]): never {
    const open = this.openTags.at(-1);
    const innermost = open === undefined ? '' : ` The innermost block that needs to be closed is '${open}'.`;
    this.stream.fail(`Unexpected end of template. Jinja was looking for the following tags: ${quoted(ends)}.${innermost}`);
  }

  private statement(ends: readonly string[]): readonly Statement[] {
    const { type, value, line } = this.stream.current;
    if (type !== 'name') this.stream.fail('tag name expected');
    const tag = value as string;
    const parse = Object.hasOwn(this.tags, tag) ? this.tags[tag] : undefined;
    if (parse === undefined) {
      this.stream.fail(`Encountered unknown tag '${tag}'.${ends.length > 0 ? ` Jinja was looking for the following tags: ${quoted(ends)}.` : ''}`);
    }
    this.openTags.push(tag);
    this.stream.next();
    const parsed = parse(line);
    this.openTags.pop();
    return Array.isArray(parsed) ? (parsed as Statement[]) : [parsed as Statement];
  }

  private readonly tags: { readonly [tag: string]: (line: number) => Statement | Statement[] } = {
    for: (line) => this.for(line),
    if: (line) => this.if(line),
    set: (line) => this.set(line),
    macro: (line) => ({ kind: 'macro', macro: this.macro(this.expressions.targetName(), this.parameters(), 'endmacro', line), line }),
    call: (line) => this.callBlock(line),
    filter: (line) => {
      const filter = this.expressions.filters(undefined, true) as Expression;
      return { kind: 'filterBlock', filter, body: this.body('endfilter').body, line };
    },
    with: (line) => this.with(line),
    autoescape: (line) => ({ kind: 'autoescape', enabled: this.expressions.expression(), body: this.body('endautoescape').body, line }),
    include: (line) => this.include(line),
    import: (line) => {
      const template = this.expressions.expression();
      this.stream.expectName('as');
      const name = this.expressions.targetName();
      return { kind: 'import', template, name, withContext: this.context(false), line };
    },
    from: (line) => this.fromImport(line),
    do: (line) => ({ kind: 'do', value: this.expressions.tuple(), line }),
    print: (line) => this.print(line),
    block: (line) => this.block(line),
    extends: (line) => ({ kind: 'extends', template: this.expressions.expression(), line }),
  };

  private for(line: number): Statement {
    const target = this.expressions.target({ endName: 'in' });
    this.stream.expectName('in');
    const over = this.expressions.tuple({ conditional: false, endName: 'recursive' });
    const test = this.stream.skipName('if') ? this.expressions.expression() : undefined;
    const recursive = this.stream.skipName('recursive');
    const { body, end } = this.body('endfor', 'else');
    const otherwise = end === 'else' ? this.body('endfor').body : [];
    refuseLoopTarget(target);
    return { kind: 'for', target, over, test, recursive, body, otherwise, line };
  }

  private if(line: number): Statement {
    const branches: { readonly test: Expression; readonly body: Statement[] }[] = [];
    for (;;) {
      const test = this.expressions.tuple({ conditional: false });
      const { body, end } = this.body('elif', 'else', 'endif');
      branches.push({ test, body });
      if (end === 'elif') continue;
      return { kind: 'if', branches, otherwise: end === 'else' ? this.body('endif').body : [], line };
    }
  }

  private set(line: number): Statement {
    const target = this.expressions.target({ namespaces: true });
    if (this.stream.skipOperator('=')) return { kind: 'set', target, value: this.expressions.tuple(), line };
    const filter = this.expressions.filters(undefined);
    return { kind: 'setBlock', target, filter, body: this.body('endset').body, line };
  }

  private macro(name: string, parameters: readonly Parameter[], end: string, line: number): Macro {
    const { body } = this.body(end);
    const used = namesUsed(body);
    const names = parameters.map((parameter) => parameter.name);
    const caller = used.has('caller');
    if (caller && names.includes('caller') && parameters.find((parameter) => parameter.name === 'caller')?.defaultValue === undefined) {
      raise('TemplateAssertionError', 'When defining macros or call blocks the special "caller" argument must be omitted or be given a default.', line);
    }
    return { name, parameters, body, uses: { caller: caller && !names.includes('caller'), kwargs: used.has('kwargs') && !names.includes('kwargs'), varargs: used.has('varargs') && !names.includes('varargs') }, line };
  }

  private parameters(): Parameter[] {
    const parameters: Parameter[] = [];
    this.stream.expectOperator('(');
    while (!this.stream.isOperator(')')) {
      if (parameters.length > 0) this.stream.expectOperator(',');
      const name = this.expressions.targetName();
      const defaultValue = this.stream.skipOperator('=') ? this.expressions.expression() : undefined;
      if (defaultValue === undefined && parameters.at(-1)?.defaultValue !== undefined) this.stream.fail('non-default argument follows default argument');
      parameters.push({ name, defaultValue });
    }
    this.stream.expectOperator(')');
    return parameters;
  }

  private callBlock(line: number): Statement {
    const parameters = this.stream.isOperator('(') ? this.parameters() : [];
    const call = this.expressions.expression();
    if (call.kind !== 'call') this.stream.fail('expected call', line);
    return { kind: 'callBlock', call, caller: this.macro('caller', parameters, 'endcall', line), line };
  }

  private with(line: number): Statement {
    const bindings: (readonly [Target, Expression])[] = [];
    while (this.stream.current.type !== 'blockEnd') {
      if (bindings.length > 0) this.stream.expectOperator(',');
      const target = this.expressions.target();
      this.stream.expectOperator('=');
      bindings.push([target, this.expressions.expression()]);
    }
    return { kind: 'with', bindings, body: this.body('endwith').body, line };
  }

  private include(line: number): Statement {
    const template = this.expressions.expression();
    const ignoreMissing = this.stream.isName('ignore') && this.stream.followingIs('name', 'missing');
    if (ignoreMissing) {
      this.stream.next();
      this.stream.next();
    }
    return { kind: 'include', template, ignoreMissing, withContext: this.context(true), line };
  }

  /** `with context` or `without context`, when it stands here. */
  private context(otherwise: boolean): boolean {
    if (!this.stream.isName('with', 'without') || !this.stream.followingIs('name', 'context')) return otherwise;
    const withContext = this.stream.next().value === 'with';
    this.stream.next();
    return withContext;
  }

  private fromImport(line: number): Statement {
    const template = this.expressions.expression();
    this.stream.expectName('import');
    const names: (readonly [string, string])[] = [];
    for (;;) {
      if (names.length > 0) this.stream.expectOperator(',');
      if (this.stream.current.type !== 'name') this.stream.expectName();
      if (this.stream.isName('with', 'without') && this.stream.followingIs('name', 'context')) break;
      const name = this.expressions.targetName();
      if (name.startsWith('_')) raise('TemplateAssertionError', 'names starting with an underline can not be imported', line);
      names.push([name, this.stream.skipName('as') ? this.expressions.targetName() : name]);
      if (!this.stream.isOperator(',')) break;
    }
    return { kind: 'fromImport', template, names, withContext: this.context(false), line };
  }

  private print(line: number): Statement[] {
    const printed: Statement[] = [];
    while (this.stream.current.type !== 'blockEnd') {
      if (printed.length > 0) this.stream.expectOperator(',');
      printed.push({ kind: 'print', value: this.expressions.expression(), line });
    }
    return printed;
  }

  private block(line: number): Statement {
    const name = this.stream.expectName().value as string;
    const scoped = this.stream.skipName('scoped');
    const required = this.stream.skipName('required');
    if (this.stream.isOperator('-')) {
      this.stream.fail('Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an underscore instead.');
    }
    if (this.blockNames.has(name)) raise('TemplateAssertionError', `block '${name}' defined twice`, line);
    this.blockNames.add(name);
    const { body } = this.body('endblock');
    if (required && body.some((statement) => statement.kind !== 'text' || !isSpace(statement.text))) {
      this.stream.fail('Required blocks can only contain comments or whitespace');
    }
    this.stream.skipName(name);
    const block: Block = { name, scoped, required, body, line };
    this.blocks.set(name, block);
    return { kind: 'block', block, line };
  }
}

const quoted = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(' or ');

function refuseLoopTarget(target: Target): void {
  if (target.kind === 'targets') target.items.forEach(refuseLoopTarget);
  else if (target.kind === 'name' && target.name === 'loop') raise('TemplateAssertionError', "Can't assign to special loop variable in for-loop target", target.line);
}
