export type { PythonException } from './error.ts';
export { TemplateError } from './error.ts';
export type { Json, Lookup, LookupAnswer } from './lookup.ts';
export type { ContextValue, Instant, TemplateContext } from './airflow/context.ts';
export type { Ambient, Limits } from './runtime.ts';
export { DEFAULT_LIMITS } from './runtime.ts';
export type { SiteFunction } from './airflow/site.ts';
export type { RenderOptions } from './render.ts';
export { render, renderSteps } from './render.ts';
