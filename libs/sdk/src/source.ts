/**
 * Where a value comes from, as the author's code says it while the DAG is read: a constant, a task's result, or lists
 * put together. Sources are compiled to edges and mappings for the scheduler, and resolved to values in the worker.
 */
export type Source =
  | { readonly kind: 'literal'; readonly value: unknown }
  | { readonly kind: 'result'; readonly task: { readonly taskId: string }; readonly steps: readonly ResultStep[] }
  /** Inside a mapped group: the argument of its own map index. */
  | { readonly kind: 'each'; readonly group: { readonly groupId: string; readonly mapping: MappingModel }; readonly name: string; readonly steps: readonly ResultStep[] }
  | { readonly kind: 'map'; readonly source: Source; readonly fn: (item: never) => unknown }
  | { readonly kind: 'zip'; readonly sources: readonly Source[]; readonly fill?: { readonly value: unknown } }
  | { readonly kind: 'concat'; readonly sources: readonly Source[] };

/** How a task or a group multiplies. */
export type MappingModel =
  | { readonly kind: 'expand'; readonly over: readonly (readonly [name: string, source: Source])[] }
  | { readonly kind: 'expandKwargs'; readonly over: Source };

/** What is done to a result on its way to the reader, in order. */
export type ResultStep = { readonly get: PropertyKey } | { readonly onSkip: unknown };

/** Carried by every reference, so that one is known wherever it stands in an author's value. */
export const SOURCE = Symbol('source');

export const sourceOf = (value: unknown): Source | undefined =>
  typeof value === 'object' && value !== null ? (value as { [SOURCE]?: Source })[SOURCE] : undefined;

/** An author's value in which references may stand: constant parts are kept as they are and cost nothing at run time. */
export type Template =
  | { readonly kind: 'constant'; readonly value: unknown }
  | { readonly kind: 'source'; readonly source: Source }
  | { readonly kind: 'list'; readonly items: readonly Template[] }
  | { readonly kind: 'object'; readonly members: readonly (readonly [name: string, value: Template])[] };

export function templateOf(value: unknown, path: readonly unknown[] = []): Template {
  const source = sourceOf(value);
  if (source !== undefined) return { kind: 'source', source };
  // A value that contains itself holds no reference that we could find; it is left to JSON to complain about.
  if (!isPlain(value) || path.includes(value)) return { kind: 'constant', value };
  const inside = [...path, value];
  if (Array.isArray(value)) {
    const items = value.map((item) => templateOf(item, inside));
    return items.every(isConstant) ? { kind: 'constant', value } : { kind: 'list', items };
  }
  const members = Object.entries(value).map(([name, member]) => [name, templateOf(member, inside)] as const);
  return members.every(([, member]) => isConstant(member)) ? { kind: 'constant', value } : { kind: 'object', members };
}

const isConstant = (template: Template): boolean => template.kind === 'constant';

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Every place in the value where a source stands that is not made of others, in order of appearance. */
export function visitLeaves(template: Template, visit: (leaf: LeafSource) => void): void {
  switch (template.kind) {
    case 'constant':
      return;
    case 'source':
      return visitLeavesOf(template.source, visit);
    case 'list':
      return template.items.forEach((item) => visitLeaves(item, visit));
    case 'object':
      return template.members.forEach(([, member]) => visitLeaves(member, visit));
  }
}

export type LeafSource = Extract<Source, { kind: 'literal' | 'result' | 'each' }>;

export function visitLeavesOf(source: Source, visit: (leaf: LeafSource) => void): void {
  switch (source.kind) {
    case 'literal':
    case 'result':
    case 'each':
      return visit(source);
    case 'map':
      return visitLeavesOf(source.source, visit);
    case 'zip':
    case 'concat':
      return source.sources.forEach((part) => visitLeavesOf(part, visit));
  }
}
