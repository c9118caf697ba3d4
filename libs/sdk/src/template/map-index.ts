import type { Json } from '@dagbook/domain';
import { templateContext } from './context.ts';
import { mayNamePrevious } from './field.ts';
import { renderText } from './render.ts';
import type { Rendering } from './render-fields.ts';

/** Airflow's: a longer name is cut. */
const MAX_NAME_CHARACTERS = 250;

/** The name of a mapped instance, rendered after it has run; secrets in it are hidden. */
export async function renderMapIndex(template: string, input: { readonly [name: string]: unknown }, rendering: Rendering): Promise<string> {
  const { dag, task, request, io } = rendering;
  const context = await templateContext(rendering, io, mayNamePrevious(template), { input: JSON.parse(JSON.stringify(input)) as Json });
  const name = await renderText(`mapIndexTemplate of '${task.taskId}'`, template, context, { request, task, io, macros: dag.spec.macros, filters: dag.spec.filters });
  return (io.mask?.()?.mask(name) ?? name).slice(0, MAX_NAME_CHARACTERS);
}
