import type { Outcome } from '@dagbook/contracts';

/** Where the sources of a bundle seem to lie, by its source map: a path of this host would mean nothing to an author. */
export const BUNDLE_SOURCE_ROOT = 'dag://bundle/';

/** A stack with the author's frames only, by the paths of the bundle's own folder; as it is when none is the author's. */
export function authorStack(stack: string): string {
  const lines = stack.split('\n');
  if (!lines.some((line) => isFrame(line) && line.includes(BUNDLE_SOURCE_ROOT))) return stack;
  return lines
    .filter((line) => !isFrame(line) || line.includes(BUNDLE_SOURCE_ROOT))
    .join('\n')
    .replaceAll(BUNDLE_SOURCE_ROOT, '');
}

const isFrame = (line: string): boolean => /^\s+at /.test(line);

/** A failure whose stack says where in the DAG's own files it happened. */
export function readable(outcome: Outcome): Outcome {
  if (outcome.kind !== 'failed' || outcome.failure.detail === undefined) return outcome;
  return { ...outcome, failure: { ...outcome.failure, detail: authorStack(outcome.failure.detail) } };
}
