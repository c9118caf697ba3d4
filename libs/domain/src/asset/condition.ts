import { unreachable } from '../decider.ts';
import type { AssetCondition } from '../schedule/definition.ts';

/** An asset or an alias in a condition. */
export type AssetLeaf = Extract<AssetCondition, { readonly kind: 'asset' | 'alias' }>;

/** Whether a condition is met, as far as each of its leaves is. */
export function isMet(condition: AssetCondition, isUpdated: (leaf: AssetLeaf) => boolean): boolean {
  switch (condition.kind) {
    case 'asset':
    case 'alias':
      return isUpdated(condition);
    case 'all':
      return condition.of.every((part) => isMet(part, isUpdated));
    case 'any':
      return condition.of.some((part) => isMet(part, isUpdated));
    default:
      return unreachable(condition);
  }
}

/** The assets and aliases that a condition speaks of, each once. */
export function leavesOf(condition: AssetCondition): readonly AssetLeaf[] {
  const leaves = new Map<string, AssetLeaf>();
  const open: AssetCondition[] = [condition];
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    if (next.kind === 'asset' || next.kind === 'alias') leaves.set(leafName(next), next);
    else open.push(...next.of);
  }
  return [...leaves.values()];
}

/** Tells leaves apart, also an asset from an alias of the same name. */
export const leafName = (leaf: AssetLeaf): string => (leaf.kind === 'asset' ? `asset ${leaf.uri}` : `alias ${leaf.name}`);
