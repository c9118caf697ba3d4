import type { Runtime } from '../runtime.ts';
import type { Arguments, Signature } from './arguments.ts';
import { bind, signature } from './arguments.ts';
import type { Value } from './value.ts';
import { PyObject } from './value.ts';

type Body = (args: Arguments, rt: Runtime) => Value;

/** A function or bound method that a template can call. It has no attributes. */
export class NativeFunction extends PyObject {
  /** `function` is one written in Python, which has other attributes than what is built in. */
  override readonly typeName: 'builtin_function_or_method' | 'function';
  readonly name: string;
  private readonly body: Body;

  constructor(name: string, body: Body, typeName: NativeFunction['typeName'] = 'builtin_function_or_method') {
    super();
    this.typeName = typeName;
    this.name = name;
    this.body = body;
  }

  override repr(): string {
    return this.typeName === 'function' ? `<function ${this.name}>` : `<built-in function ${this.name}>`;
  }

  override call(args: Arguments, rt: Runtime): Value {
    return this.body(args, rt);
  }
}

/** Something of a fixed signature that is called on a receiver: a method of a type, or a filter on its value. */
type Method<Receiver> = (receiver: Receiver, args: Arguments, rt: Runtime) => Value;

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
const method =
  <Receiver>(name: string, parameters: string, body: (receiver: Receiver, args: (Value | undefined)[], rt: Runtime) => Value): Method<Receiver> =>
  (receiver, args, rt) =>
    body(receiver, bind(name, parsed(parameters), args), rt);

/** A function of Python's own kind, with its arguments bound to a signature. */
export const fn = (name: string, parameters: string, body: (args: (Value | undefined)[], rt: Runtime) => Value): NativeFunction =>
  new NativeFunction(name, (args, rt) => body(bind(name, parsed(parameters), args), rt), 'function');

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
