import { RE2JS } from 're2js';

/**
 * Whether a text holds what an author's `pattern` describes, in time linear in the text: the pattern comes from a DAG
 * file, and JavaScript's own engine may take for ever over it. What RE2 has no word for (look-around, references back)
 * counts as held; the worker asks the author's own schema again before the first task runs.
 */
export function matchesPattern(pattern: string, text: string): boolean {
  const compiled = compiledOf(pattern);
  return compiled === null || compiled.test(text);
}

const compiled = new Map<string, RE2JS | null>();
const MOST_KEPT = 1_000;

function compiledOf(pattern: string): RE2JS | null {
  let found = compiled.get(pattern);
  if (found !== undefined) return found;
  try {
    found = RE2JS.compile(RE2JS.translateRegExp(pattern));
  } catch {
    found = null;
  }
  if (compiled.size >= MOST_KEPT) compiled.clear();
  compiled.set(pattern, found);
  return found;
}
