import { AIRFLOW_FILTERS, contextNames } from './airflow/context.ts';
import type { TemplateContext } from './airflow/context.ts';
import type { SiteFunction } from './airflow/site.ts';
import { siteFilters, siteMacros } from './airflow/site.ts';
import { TemplateError } from './error.ts';
import { JINJA_GLOBALS } from './evaluate/global.ts';
import { compile, renderTemplate } from './evaluate/template.ts';
import { SEQUENCE_FILTERS } from './filter/sequence-filter.ts';
import { TESTS } from './filter/test.ts';
import { TEXT_FILTERS } from './filter/text-filter.ts';
import { VALUE_FILTERS } from './filter/value-filter.ts';
import type { Lookup, LookupAnswer } from './lookup.ts';
import { lookupKey } from './lookup.ts';
import type { Ambient, Library, Limits } from './runtime.ts';
import { DEFAULT_LIMITS, LookupNeeded, Runtime } from './runtime.ts';
import type { Value } from './value/value.ts';

export interface RenderOptions {
  readonly limits?: Partial<Limits>;
  readonly ambient?: Ambient;
  /** What is written for each value that the template prints; its own text stays as it is. Default: the value. */
  readonly write?: (value: string) => string;
  /** Names that every template of the site has, as Airflow's `user_defined_macros`. */
  readonly macros?: { readonly [name: string]: SiteFunction };
  /** As Airflow's `user_defined_filters`. */
  readonly filters?: { readonly [name: string]: SiteFunction };
}

const LIBRARY = {
  filters: new Map(Object.entries({ ...SEQUENCE_FILTERS, ...TEXT_FILTERS, ...VALUE_FILTERS, ...AIRFLOW_FILTERS })),
  tests: new Map(Object.entries(TESTS)),
} satisfies Library;

/**
 * Renders a template as Airflow renders a templated field. It yields each value that must be looked up, is sent the
 * answer, and returns the text. Rendering starts anew with each answer, so it costs one rendering a lookup and is a
 * function of its arguments and the answers alone.
 * @throws TemplateError, and nothing else.
 */
export function* renderSteps(template: string, context: TemplateContext, options: RenderOptions = {}): Generator<Lookup, string, LookupAnswer> {
  const allowed: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  const site = siteFilters(options.filters);
  const library: Library = site.length === 0 ? LIBRARY : { ...LIBRARY, filters: new Map([...LIBRARY.filters, ...site]) };
  const names = [...siteMacros(options.macros), ...contextNames(context)];
  const answers = new Map<string, LookupAnswer>();
  for (;;) {
    const result = attempt(template, names, new Runtime(library, allowed, answers, options.ambient ?? {}, options.write));
    if (typeof result === 'string') return result;
    if (answers.size >= allowed.maxLookups) throw new TemplateError('LimitError', `The template looks up more than ${allowed.maxLookups} values.`);
    answers.set(lookupKey(result), yield result);
  }
}

/** Renders with lookups answered at once. */
export function render(template: string, context: TemplateContext, answer: (lookup: Lookup) => LookupAnswer, options: RenderOptions = {}): string {
  const steps = renderSteps(template, context, options);
  let step = steps.next();
  while (step.done !== true) step = steps.next(answer(step.value));
  return step.value;
}

function attempt(template: string, names: readonly (readonly [string, Value])[], rt: Runtime): string | Lookup {
  try {
    return renderTemplate(compile(template, rt), JINJA_GLOBALS, names, rt);
  } catch (error) {
    if (error instanceof LookupNeeded) return error.lookup;
    if (error instanceof TemplateError) throw error;
    // The engine's own limits, on the stack and on the sizes of strings and ints, are a template's fault too.
    if (error instanceof RangeError) throw new TemplateError('RecursionError', 'The template nests too deep, or makes something too large.');
    throw error;
  }
}
