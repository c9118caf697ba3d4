import type { Value } from '../value/value.ts';

/** Names of one block of a template, over those of the block around it. */
export class Scope {
  private readonly names = new Map<string, Value>();
  private readonly parent: Scope | undefined;

  constructor(parent?: Scope, names: Iterable<readonly [string, Value]> = []) {
    this.parent = parent;
    for (const [name, value] of names) this.names.set(name, value);
  }

  get(name: string): Value | undefined {
    const own = this.names.get(name);
    return own === undefined ? this.parent?.get(name) : own;
  }

  set(name: string, value: Value): void {
    this.names.set(name, value);
  }

  has(name: string): boolean {
    return this.names.has(name);
  }

  own(): ReadonlyMap<string, Value> {
    return this.names;
  }
}
