import { raise } from '../error.ts';
import type { Application, CallArguments, Expression, Statement, Template } from './ast.ts';

/** Called for every expression of a tree, and for every filter and test with whether it may be missing until it is needed. */
interface Visitor {
  readonly name?: (name: string) => void;
  readonly application?: (kind: 'filter' | 'test', application: Application, mayBeMissing: boolean) => void;
}

/** The names that statements read; a macro is given `caller`, `varargs` and `kwargs` only when its body reads them. */
export function namesUsed(body: readonly Statement[]): ReadonlySet<string> {
  const names = new Set<string>();
  visitStatements(body, { name: (name) => names.add(name) }, false);
  return names;
}

/** Refuses filters and tests that do not exist. Inside `if` and conditional expressions Jinja only does so when one is reached. */
export function checkNames(template: Template, filters: { has(name: string): boolean }, tests: { has(name: string): boolean }): void {
  for (const statement of template.body) refuseExtends(statement, true);
  visitStatements(template.body, {
    application(kind, { name, line }, mayBeMissing) {
      if (!mayBeMissing && !(kind === 'filter' ? filters : tests).has(name)) raise('TemplateAssertionError', `No ${kind} named '${name}'.`, line);
    },
  }, false);
}

/** `extends` stands at the top of a template, or in an `if` there. */
function refuseExtends(statement: Statement, atTop: boolean): void {
  if (statement.kind === 'extends' && !atTop) raise('TemplateAssertionError', 'cannot use extend from a non top-level scope', statement.line);
  const inIf = statement.kind === 'if';
  for (const inner of bodiesOf(statement).flat()) refuseExtends(inner, atTop && inIf);
}

function bodiesOf(statement: Statement): readonly (readonly Statement[])[] {
  switch (statement.kind) {
    case 'if': return [...statement.branches.map(({ body }) => body), statement.otherwise];
    case 'for': return [statement.body, statement.otherwise];
    case 'setBlock': case 'filterBlock': case 'with': case 'autoescape': return [statement.body];
    case 'macro': return [statement.macro.body];
    case 'callBlock': return [statement.caller.body];
    case 'block': return [statement.block.body];
    default: return [];
  }
}

function visitStatements(body: readonly Statement[], visitor: Visitor, soft: boolean): void {
  for (const statement of body) visitStatement(statement, visitor, soft);
}

function visitStatement(statement: Statement, visitor: Visitor, soft: boolean): void {
  const see = (expression: Expression | undefined): void => visitExpression(expression, visitor, soft);
  switch (statement.kind) {
    case 'text':
      return;
    case 'print': case 'do':
      return see(statement.value);
    case 'if':
      for (const { test, body } of statement.branches) {
        visitExpression(test, visitor, true);
        visitStatements(body, visitor, true);
      }
      return visitStatements(statement.otherwise, visitor, true);
    case 'for':
      see(statement.over);
      visitExpression(statement.test, visitor, false);
      visitStatements(statement.body, visitor, false);
      return visitStatements(statement.otherwise, visitor, false);
    case 'set':
      return see(statement.value);
    case 'setBlock': case 'filterBlock':
      visitExpression(statement.filter, visitor, false);
      return visitStatements(statement.body, visitor, false);
    case 'macro':
      for (const { defaultValue } of statement.macro.parameters) visitExpression(defaultValue, visitor, false);
      return visitStatements(statement.macro.body, visitor, false);
    case 'callBlock':
      see(statement.call);
      for (const { defaultValue } of statement.caller.parameters) visitExpression(defaultValue, visitor, false);
      return visitStatements(statement.caller.body, visitor, false);
    case 'with':
      for (const [, value] of statement.bindings) see(value);
      return visitStatements(statement.body, visitor, false);
    case 'autoescape':
      see(statement.enabled);
      return visitStatements(statement.body, visitor, false);
    case 'include': case 'import': case 'fromImport': case 'extends':
      return see(statement.template);
    case 'block':
      return visitStatements(statement.block.body, visitor, false);
  }
}

function visitExpression(expression: Expression | undefined, visitor: Visitor, soft: boolean): void {
  if (expression === undefined) return;
  const see = (inner: Expression | undefined): void => visitExpression(inner, visitor, soft);
  switch (expression.kind) {
    case 'constant':
      return;
    case 'name':
      return visitor.name?.(expression.name);
    case 'tuple': case 'list': case 'concat':
      return expression.items.forEach(see);
    case 'dict':
      return expression.entries.forEach((entry) => entry.forEach(see));
    case 'attribute':
      return see(expression.of);
    case 'item':
      see(expression.of);
      return see(expression.key);
    case 'slice':
      return [expression.start, expression.stop, expression.step].forEach(see);
    case 'call':
      see(expression.callee);
      return visitArguments(expression.args, visitor, soft);
    case 'filter':
      see(expression.value);
      visitor.application?.('filter', expression.filter, soft);
      return visitArguments(expression.filter.args, visitor, soft);
    case 'test':
      see(expression.value);
      visitor.application?.('test', expression.test, soft);
      return visitArguments(expression.test.args, visitor, soft);
    case 'conditional':
      return [expression.test, expression.then, expression.otherwise].forEach((inner) => visitExpression(inner, visitor, true));
    case 'or': case 'and': case 'binary':
      see(expression.left);
      return see(expression.right);
    case 'not': case 'negative': case 'positive':
      return see(expression.operand);
    case 'compare':
      see(expression.first);
      return expression.rest.forEach(([, operand]) => see(operand));
  }
}

function visitArguments({ positional, named, spread, spreadNamed }: CallArguments, visitor: Visitor, soft: boolean): void {
  for (const argument of [...positional, ...named.map(([, value]) => value), spread, spreadNamed]) visitExpression(argument, visitor, soft);
}
