import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import type { Macro } from '../syntax/ast.ts';
import type { Arguments } from '../value/arguments.ts';
import { PyDict } from '../value/dict.ts';
import { PyTuple } from '../value/sequence.ts';
import type { Value } from '../value/value.ts';
import { PyObject, Undefined } from '../value/value.ts';
import type { Frame } from './expression.ts';
import { evaluate } from './expression.ts';
import { Scope } from './scope.ts';

/** A macro of a template, or the body of a `call` block, with the names of where it was written. */
export class MacroValue extends PyObject {
  override readonly typeName = 'Macro';
  private readonly macro: Macro;
  private readonly frame: Frame;
  private readonly render: (macro: Macro, frame: Frame) => string;

  constructor(macro: Macro, frame: Frame, render: (macro: Macro, frame: Frame) => string) {
    super();
    this.macro = macro;
    this.frame = frame;
    this.render = render;
  }

  override repr(rt: Runtime): string {
    return `<Macro ${rt.repr(this.macro.name)}>`;
  }

  override attribute(name: string): Value | undefined {
    const { parameters, uses } = this.macro;
    switch (name) {
      case 'name':
        return this.macro.name;
      case 'arguments':
        return new PyTuple(parameters.map((parameter) => parameter.name));
      case 'catch_kwargs':
        return uses.kwargs;
      case 'catch_varargs':
        return uses.varargs;
      case 'caller':
        return uses.caller;
      default:
        return undefined;
    }
  }

  override call(args: Arguments, rt: Runtime): Value {
    const scope = new Scope(this.frame.scope);
    const frame: Frame = { scope, autoescape: this.frame.autoescape };
    this.bind(args, scope, frame, rt);
    const text = rt.nested(() => this.render(this.macro, frame));
    rt.allocate(text.length);
    return rt.written(text, frame.autoescape);
  }

  private bind({ positional, named }: Arguments, scope: Scope, frame: Frame, rt: Runtime): void {
    const { name: macroName, parameters, uses } = this.macro;
    const rest = new Map(named);
    parameters.forEach(({ name, defaultValue }, at) => {
      const given = at < positional.length ? positional[at] : rest.get(name);
      // As in Jinja, a name given twice stays among the unexpected ones.
      if (at >= positional.length) rest.delete(name);
      if (given !== undefined) scope.set(name, given);
      else scope.set(name, defaultValue === undefined ? new Undefined(`parameter '${name}' was not provided`) : evaluate(defaultValue, frame, rt));
    });
    if (uses.caller) {
      scope.set('caller', rest.get('caller') ?? new Undefined('No caller defined'));
      rest.delete('caller');
    }
    if (uses.kwargs) scope.set('kwargs', PyDict.ofText(rest));
    else {
      const [unexpected] = rest.keys();
      if (unexpected !== undefined) raise('TypeError', `macro '${macroName}' takes no keyword argument '${unexpected}'`);
    }
    if (uses.varargs) scope.set('varargs', new PyTuple(positional.slice(parameters.length)));
    else if (positional.length > parameters.length) raise('TypeError', `macro '${macroName}' takes not more than ${parameters.length} argument(s)`);
  }
}
