import type { Runtime } from '../runtime.ts';
import type { Arguments, Signature } from './arguments.ts';
import { bind, signature } from './arguments.ts';
import type { Value } from './value.ts';
import { PyObject } from './value.ts';

type Body = (args: Arguments, rt: Runtime) => Value;

/** A function or bound method that a template can call. It has no attributes. */
export class NativeFunction extends PyObject {
  override readonly typeName = 'builtin_function_or_method';
  readonly name: string;
  private readonly body: Body;

  constructor(name: string, body: Body) {
    super();
    this.name = name;
    this.body = body;
  }

  override repr(): string {
    return `<built-in function ${this.name}>`;
  }

  override call(args: Arguments, rt: Runtime): Value {
    return this.body(args, rt);
  }
}

/** Something of a fixed signature that is called on a receiver: a method of a type, or a filter on its value. */
export type Method<Receiver> = (receiver: Receiver, args: Arguments, rt: Runtime) => Value;

const signatures = new Map<string, Signature>();

/** The parsed form of a signature text; each is parsed once. */
export function parsed(text: string): Signature {
  const known = signatures.get(text);
  if (known !== undefined) return known;
  const fresh = signature(text);
  signatures.set(text, fresh);
  return fresh;
}

/** A method of this name whose arguments are bound to a signature; ones left out are undefined. */
export const method =
  <Receiver>(name: string, parameters: string, body: (receiver: Receiver, args: (Value | undefined)[], rt: Runtime) => Value): Method<Receiver> =>
  (receiver, args, rt) =>
    body(receiver, bind(name, parsed(parameters), args), rt);

export const fn = (name: string, parameters: string, body: (args: (Value | undefined)[], rt: Runtime) => Value): NativeFunction =>
  new NativeFunction(name, (args, rt) => body(bind(name, parsed(parameters), args), rt));

/** The methods of a type by name, each tied to its receiver when it is read. */
export class MethodTable<Receiver> {
  private readonly methods = new Map<string, Method<Receiver>>();

  constructor(entries: { readonly [name: string]: readonly [parameters: string, body: (receiver: Receiver, args: (Value | undefined)[], rt: Runtime) => Value] }) {
    for (const [name, [parameters, body]] of Object.entries(entries)) this.methods.set(name, method(name, parameters, body));
  }

  /** A method that takes its arguments as they are. */
  with(name: string, body: Method<Receiver>): this {
    this.methods.set(name, body);
    return this;
  }

  bound(receiver: Receiver, name: string): NativeFunction | undefined {
    const found = this.methods.get(name);
    return found === undefined ? undefined : new NativeFunction(name, (args, rt) => found(receiver, args, rt));
  }
}
