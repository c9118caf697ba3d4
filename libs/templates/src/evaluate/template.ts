import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import type { Block, Expression, Macro, Statement, Target, Template } from '../syntax/ast.ts';
import { checkNames } from '../syntax/names.ts';
import { parse } from '../syntax/parser.ts';
import { callValue } from '../value/attribute.ts';
import { iterate, truth } from '../value/operator.ts';
import { PyList, PyTuple } from '../value/sequence.ts';
import type { Value } from '../value/value.ts';
import { isText, Markup, PyObject, textOf, typeName, Undefined } from '../value/value.ts';
import type { Frame } from './expression.ts';
import { evaluate, evaluateArguments, filterText, printed } from './expression.ts';
import { Loop, Namespace } from './loop.ts';
import { MacroValue } from './macro.ts';
import { Scope } from './scope.ts';

/** Parsed, and every filter and test it names is known. */
export function compile(source: string, rt: Runtime): Template {
  const template = parse(source);
  checkNames(template, rt.library.filters, rt.library.tests);
  return template;
}

/** The text of a template. Only the globals are seen by what is imported without context. */
export function renderTemplate(template: Template, globals: Scope, names: Iterable<readonly [string, Value]>, rt: Runtime): string {
  return new TemplateRun(rt, globals).run(template, new Scope(new Scope(globals, names)));
}

/** What one template writes; a part of it that is written apart, as a macro's body, has an output of its own. */
class Output {
  private readonly parts: string[] = [];
  private spoiledBy: string | undefined;
  private length = 0;
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  write(text: string): void {
    this.length += text.length;
    if (this.length > this.limit) raise('LimitError', `The template writes more than ${this.limit} characters.`);
    this.parts.push(text);
  }

  /** What is no text goes in, and fails only when the whole is put together. */
  spoil(type: string): void {
    this.spoiledBy ??= type;
  }

  text(): string {
    if (this.spoiledBy !== undefined) raise('TypeError', `sequence item: expected str instance, ${this.spoiledBy} found`);
    return this.parts.join('');
  }
}

/** Blocks by name, the one of the most derived template first. */
type Blocks = Map<string, Block[]>;

/**
 * One template being rendered, with those it extends. Its top-level names are seen by its macros and blocks; what it
 * includes or imports is a run of its own over the names it was given.
 */
class TemplateRun {
  private readonly rt: Runtime;
  private readonly globals: Scope;
  private readonly blocks: Blocks = new Map();
  private top: Scope;
  /** What an `extends` inside of an `if` has found, until the statement around it has ended. */
  private extended: Template | undefined;

  constructor(rt: Runtime, globals: Scope) {
    this.rt = rt;
    this.globals = globals;
    this.top = globals;
  }

  run(template: Template, top: Scope): string {
    this.top = top;
    top.set('self', new BlockReferences((name) => this.blockText(name), (name) => this.blocks.has(name)));
    let output = new Output(this.rt.limits.maxOutputLength);
    for (let current: Template | undefined = template; current !== undefined; ) {
      this.addBlocks(current);
      output = new Output(this.rt.limits.maxOutputLength);
      current = this.runBody(current, { scope: top, autoescape: false }, output);
    }
    return output.text();
  }

  /** The template that this one extends, if it does: then nothing that it writes outside of blocks is kept. */
  private runBody(template: Template, frame: Frame, output: Output): Template | undefined {
    let parent: Template | undefined;
    let target = output;
    for (const statement of template.body) {
      if (statement.kind === 'extends') {
        if (parent !== undefined) raise('TemplateRuntimeError', 'extended multiple times', statement.line);
        parent = this.load(evaluate(statement.template, frame, this.rt), statement.line);
        target = new Output(this.rt.limits.maxOutputLength);
      } else if (parent === undefined || statement.kind !== 'block') this.execute(statement, frame, target);
      if (this.extended === undefined) continue;
      [parent, this.extended] = [this.extended, undefined];
      target = new Output(this.rt.limits.maxOutputLength);
    }
    return parent;
  }

  private addBlocks(template: Template): void {
    for (const [name, block] of template.blocks) this.blocks.set(name, [...(this.blocks.get(name) ?? []), block]);
  }

  private load(name: Value, line: number): Template {
    if (name instanceof Undefined) name.fail();
    if (!isText(name)) raise('TypeError', `a template's name must be str, not ${typeName(name)}`, line);
    const answer = this.rt.lookup({ kind: 'template', name: textOf(name) });
    if (!answer.found || typeof answer.value !== 'string') raise('TemplateNotFound', textOf(name), line);
    return compile(answer.value, this.rt);
  }

  private capture(body: readonly Statement[], frame: Frame): Value {
    const output = new Output(this.rt.limits.maxOutputLength);
    this.executeAll(body, frame, output);
    const text = output.text();
    this.rt.allocate(text.length);
    return this.rt.written(text, frame.autoescape);
  }

  private executeAll(body: readonly Statement[], frame: Frame, output: Output): void {
    for (const statement of body) this.execute(statement, frame, output);
  }

  private execute(statement: Statement, frame: Frame, output: Output): void {
    const { rt } = this;
    switch (statement.kind) {
      case 'text':
        return output.write(statement.text);
      case 'print':
        return output.write(printed(evaluate(statement.value, frame, rt), frame, rt));
      case 'do':
        evaluate(statement.value, frame, rt);
        return;
      case 'if': {
        const branch = statement.branches.find(({ test }) => truth(evaluate(test, frame, rt), rt));
        return this.executeAll(branch?.body ?? statement.otherwise, frame, output);
      }
      case 'for':
        return this.loop(statement, evaluate(statement.over, frame, rt), frame, output, 0);
      case 'set':
        return this.assign(statement.target, evaluate(statement.value, frame, rt), frame.scope);
      case 'setBlock': {
        const text = this.capture(statement.body, inner(frame));
        const value = filterText(statement.filter, text, frame, rt);
        // Of a block's text Jinja does not ask first whether a namespace takes it.
        if (statement.target.kind === 'namespaceAttribute' && !(frame.scope.get(statement.target.namespace) instanceof Namespace)) raise('TypeError', `'${statement.target.namespace}' does not support item assignment`, statement.target.line);
        return this.assign(statement.target, frame.autoescape && isText(value) ? new Markup(textOf(value)) : value, frame.scope);
      }
      case 'macro':
        frame.scope.set(statement.macro.name, this.macro(statement.macro, frame));
        return;
      case 'callBlock': {
        const args = evaluateArguments(statement.call.args, frame, rt);
        const named = new Map(args.named).set('caller', this.macro(statement.caller, frame));
        return output.write(printed(callValue(evaluate(statement.call.callee, frame, rt), { positional: args.positional, named }, rt), frame, rt));
      }
      case 'filterBlock': {
        const value = filterText(statement.filter, this.capture(statement.body, inner(frame)), frame, rt);
        return isText(value) ? output.write(printed(value, frame, rt)) : output.spoil(typeName(value));
      }
      case 'with': {
        const values = statement.bindings.map(([target, value]) => [target, evaluate(value, frame, rt)] as const);
        const within = inner(frame);
        for (const [target, value] of values) this.assign(target, value, within.scope);
        return this.executeAll(statement.body, within, output);
      }
      case 'autoescape':
        return this.executeAll(statement.body, { scope: new Scope(frame.scope), autoescape: truth(evaluate(statement.enabled, frame, rt), rt) }, output);
      case 'include':
        return this.include(statement, frame, output);
      case 'import':
        frame.scope.set(statement.name, this.module(statement.template, statement.withContext, frame, statement.line));
        return;
      case 'fromImport': {
        const module = this.module(statement.template, statement.withContext, frame, statement.line);
        for (const [name, alias] of statement.names) frame.scope.set(alias, module.exported(name));
        return;
      }
      case 'block':
        return this.block(statement.block, 0, statement.block.scoped ? frame.scope : this.top, frame.autoescape, output);
      case 'extends':
        this.extended = this.load(evaluate(statement.template, frame, rt), statement.line);
        return;
    }
  }

  private macro(macro: Macro, frame: Frame): MacroValue {
    return new MacroValue(macro, frame, (called, within) => {
      const output = new Output(this.rt.limits.maxOutputLength);
      this.executeAll(called.body, within, output);
      return output.text();
    });
  }

  private loop(statement: Statement & { readonly kind: 'for' }, over: Value, frame: Frame, output: Output, depth: number): void {
    const { rt } = this;
    const recurse = statement.recursive ? (inside: Value, level: number): Value => rt.nested(() => {
      const nested = new Output(rt.limits.maxOutputLength);
      this.loop(statement, inside, frame, nested, level);
      return rt.written(nested.text(), frame.autoescape);
    }) : undefined;
    const filtered = statement.test === undefined ? over : this.filtered(statement, over, frame);
    const loop = new Loop(filtered, iterate(filtered, rt), depth, recurse);
    let empty = true;
    for (let next = loop.advance(); next !== undefined; next = loop.advance()) {
      empty = false;
      rt.iterate();
      const scope = new Scope(frame.scope, [['loop', loop]]);
      this.assign(statement.target, next.value, scope);
      this.executeAll(statement.body, { scope, autoescape: frame.autoescape }, output);
    }
    if (empty) this.executeAll(statement.otherwise, inner(frame), output);
  }

  /** What `for … if` leaves, found before the loop begins so that the loop knows its length. */
  private filtered({ target, test }: Statement & { readonly kind: 'for' }, over: Value, frame: Frame): Value {
    const kept: Value[] = [];
    for (const item of iterate(over, this.rt)) {
      this.rt.iterate();
      const scope = new Scope(frame.scope);
      this.assign(target, item, scope);
      if (test === undefined || truth(evaluate(test, { scope, autoescape: frame.autoescape }, this.rt), this.rt)) kept.push(item);
    }
    return new PyList(kept);
  }

  private assign(target: Target, value: Value, scope: Scope): void {
    switch (target.kind) {
      case 'name':
        return scope.set(target.name, value);
      case 'namespaceAttribute': {
        const namespace = scope.get(target.namespace);
        if (!(namespace instanceof Namespace)) raise('TemplateRuntimeError', 'cannot assign attribute on non-namespace object', target.line);
        return namespace.assign(target.name, value);
      }
      case 'targets': {
        const { items } = target;
        const values: Value[] = [];
        for (const element of iterate(value, this.rt)) {
          values.push(element);
          if (values.length > items.length) raise('ValueError', `too many values to unpack (expected ${items.length})`);
        }
        if (values.length < items.length) raise('ValueError', `not enough values to unpack (expected ${items.length}, got ${values.length})`);
        items.forEach((item, at) => this.assign(item, values[at] as Value, scope));
      }
    }
  }

  private include(statement: Statement & { readonly kind: 'include' }, frame: Frame, output: Output): void {
    const wanted = evaluate(statement.template, frame, this.rt);
    const several = wanted instanceof PyList || wanted instanceof PyTuple;
    const template = this.firstOf(several ? wanted.items : [wanted], !several, statement.ignoreMissing, statement.line);
    if (template === undefined) return;
    const top = new Scope(statement.withContext ? frame.scope : this.globals);
    output.write(this.rt.nested(() => new TemplateRun(this.rt, this.globals).run(template, top)));
  }

  private firstOf(choices: readonly Value[], wantedOne: boolean, ignoreMissing: boolean, line: number): Template | undefined {
    for (const choice of choices) {
      if (choice instanceof Undefined) choice.fail();
      const answer = isText(choice) ? this.rt.lookup({ kind: 'template', name: textOf(choice) }) : undefined;
      if (answer?.found === true) return this.load(choice, line);
    }
    if (ignoreMissing) return undefined;
    const names = choices.map((choice) => this.rt.str(choice)).join(', ');
    return wantedOne ? raise('TemplateNotFound', names, line) : raise('TemplatesNotFound', `none of the templates given were found: ${names}`, line);
  }

  private module(name: Expression, withContext: boolean, frame: Frame, line: number): TemplateModule {
    const template = this.load(evaluate(name, frame, this.rt), line);
    const top = new Scope(withContext ? frame.scope : this.globals);
    const text = this.rt.nested(() => new TemplateRun(this.rt, this.globals).run(template, top));
    return new TemplateModule(top, text);
  }

  private blockText(name: string): string | undefined {
    const [block] = this.blocks.get(name) ?? [];
    if (block === undefined) return undefined;
    const output = new Output(this.rt.limits.maxOutputLength);
    this.rt.nested(() => this.block(block, 0, this.top, false, output));
    return output.text();
  }

  private block(block: Block, level: number, scope: Scope, autoescape: boolean, output: Output): void {
    const chain = this.blocks.get(block.name) ?? [block];
    const chosen = chain[level];
    if (chosen === undefined) return;
    if (chosen.required) raise('TemplateRuntimeError', `Required block '${block.name}' not found`, chosen.line);
    const parent = chain[level + 1];
    const within = new Scope(scope);
    within.set('super', parent === undefined ? new Undefined(`there is no parent block called '${block.name}'.`) : new SuperBlock(() => {
      const rendered = new Output(this.rt.limits.maxOutputLength);
      this.block(block, level + 1, scope, autoescape, rendered);
      return rendered.text();
    }));
    this.executeAll(chosen.body, { scope: within, autoescape }, output);
  }
}

const inner = (frame: Frame): Frame => ({ scope: new Scope(frame.scope), autoescape: frame.autoescape });

/** `self`: the blocks of the template, to be rendered again. */
class BlockReferences extends PyObject {
  override readonly typeName = 'TemplateReference';
  private readonly render: (block: string) => string | undefined;
  private readonly has: (block: string) => boolean;

  constructor(render: (block: string) => string | undefined, has: (block: string) => boolean) {
    super();
    this.render = render;
    this.has = has;
  }

  override repr(): string {
    return '<TemplateReference None>';
  }

  override item(key: Value, rt: Runtime): Value {
    const name = rt.str(key);
    if (!this.has(name)) raise('KeyError', rt.repr(key));
    return new SuperBlock(() => this.render(name) ?? raise('KeyError', rt.repr(key)));
  }
}

/** `super()` in a block. */
class SuperBlock extends PyObject {
  override readonly typeName = 'BlockReference';
  private readonly render: () => string;

  constructor(render: () => string) {
    super();
    this.render = render;
  }

  override repr(): string {
    return '<BlockReference>';
  }

  override call(): Value {
    return this.render();
  }
}

/** An imported template: its top-level names but those that begin with an underscore. */
class TemplateModule extends PyObject {
  override readonly typeName = 'TemplateModule';
  private readonly scope: Scope;
  private readonly text: string;

  constructor(scope: Scope, text: string) {
    super();
    this.scope = scope;
    this.text = text;
  }

  exported(name: string): Value {
    const value = this.attribute(name);
    return value === undefined ? new Undefined(`the template does not export the requested name '${name}'`) : value;
  }

  override repr(): string {
    return '<TemplateModule>';
  }

  override str(): string {
    return this.text;
  }

  override attribute(name: string): Value | undefined {
    return name.startsWith('_') ? undefined : this.scope.own().get(name);
  }
}
