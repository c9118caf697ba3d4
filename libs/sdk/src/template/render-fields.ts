import type { Json, SecretMask } from '@dagbook/domain';
import { TaskFailure } from '../error.ts';
import type { DagModel, TaskModel } from '../model.ts';
import type { TaskIo, TaskRunRequest } from '../runnable.ts';
import type { CompiledDag } from '../serialize.ts';
import type { Template } from '../source.ts';
import { templateContext } from './context.ts';
import { fieldKind, hasTemplate, mayNamePrevious, namesFile } from './field.ts';
import { renderShell, renderText, type RenderScope } from './render.ts';

/** An operator's fields with every template in them rendered; results are still to be put in. */
export interface RenderedFields {
  readonly template: Template;
  /** Where a shell finds the values of its command. */
  readonly environment: { readonly [name: string]: string };
  /** Fields that people are shown other than they are run. */
  readonly shown: { readonly [field: string]: string };
}

export interface Rendering {
  readonly dag: DagModel;
  readonly task: TaskModel;
  readonly request: TaskRunRequest;
  readonly io: TaskIo;
  readonly compiled: CompiledDag;
  /** Names that its templates have beside those of every task. */
  readonly more?: { readonly [name: string]: Json };
}

interface TaskTemplates {
  readonly hasText: boolean;
  readonly asksForPrevious: boolean;
  /** A result stands in a templated field, so that what it was is worth showing. */
  readonly hasSource: boolean;
}

const known = new WeakMap<TaskModel, TaskTemplates>();

/** What of the task's own fields is a template; found once for each task of a loaded DAG. */
function templatesOf(task: TaskModel): TaskTemplates {
  let templates = known.get(task);
  if (templates === undefined) {
    const texts: string[] = [];
    let hasSource = false;
    for (const [field, member] of membersOf(task.input)) {
      if (fieldKind(task.operator, field) === undefined) continue;
      visitTexts(member, (text) => (hasTemplate(text) || namesFile(text)) && texts.push(text), () => (hasSource = true));
    }
    known.set(task, (templates = { hasText: texts.length > 0, asksForPrevious: texts.some(mayNamePrevious), hasSource }));
  }
  return templates;
}

/** Undefined: nothing is to be rendered, which costs nothing. Rejects with `TaskFailure` naming the field. */
export async function renderFields(rendering: Rendering): Promise<RenderedFields | undefined> {
  const { dag, task, request, io } = rendering;
  const { hasText, asksForPrevious } = templatesOf(task);
  if (!hasText) return undefined;
  const context = await templateContext(rendering, io, asksForPrevious, rendering.more);
  const scope: RenderScope = { request, task, io, macros: dag.spec.macros, filters: dag.spec.filters };
  const environment: { [name: string]: string } = {};
  const shown: { [field: string]: string } = {};
  const members: [string, Template][] = [];
  for (const [field, member] of membersOf(task.input)) {
    const kind = fieldKind(task.operator, field);
    const place = `${field} of '${task.taskId}'`;
    if (kind === 'shell' && member.kind === 'constant' && typeof member.value === 'string') {
      const command = await renderShell(place, await contentOf(member.value, io), context, scope);
      Object.assign(environment, command.environment);
      shown[field] = command.shown;
      members.push([field, { kind: 'constant', value: command.command }]);
    } else if (kind === undefined) members.push([field, member]);
    else {
      const render: Render = (within, at) => renderText(at, within, context, scope);
      members.push([field, await rendered(place, member, kind === 'text' ? render : withoutSecret(render, io), io)]);
    }
  }
  return { template: { kind: 'object', members }, environment, shown };
}

type Render = (text: string, place: string) => Promise<string>;

/** Command lines are no place for secrets: whoever is on the host reads them. */
const withoutSecret = (render: Render, io: TaskIo): Render => async (template, place) => {
  const text = await render(template, place);
  if ((io.mask?.()?.mask(text) ?? text) === text) return text;
  throw new TaskFailure('bad_input', `${place} would put a secret into a command line, which every process of the host can read: hand it over by env`, { retry: false });
};

/** The author's own texts, at any depth. What results are is never a template. */
async function rendered(place: string, template: Template, render: Render, io: TaskIo): Promise<Template> {
  switch (template.kind) {
    case 'source':
      return template;
    case 'constant':
      return { kind: 'constant', value: await renderedValue(place, template.value, render, io) };
    case 'list': {
      const items: Template[] = [];
      for (const [at, item] of template.items.entries()) items.push(await rendered(`${place} [${at}]`, item, render, io));
      return { kind: 'list', items };
    }
    case 'object': {
      const members: [string, Template][] = [];
      for (const [name, member] of template.members) members.push([name, await rendered(`${name} in ${place}`, member, render, io)]);
      return { kind: 'object', members };
    }
  }
}

async function renderedValue(place: string, value: unknown, render: Render, io: TaskIo): Promise<unknown> {
  if (typeof value === 'string') {
    const text = await contentOf(value, io);
    return hasTemplate(text) ? render(text, place) : text;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    for (const [at, item] of value.entries()) items.push(await renderedValue(`${place} [${at}]`, item, render, io));
    return items;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const members: [string, unknown][] = [];
  for (const [name, member] of Object.entries(value)) members.push([name, await renderedValue(`${name} in ${place}`, member, render, io)]);
  return Object.fromEntries(members);
}

/** A text that names a file of the bundle stands for its content. */
async function contentOf(text: string, io: TaskIo): Promise<string> {
  return namesFile(text) ? ((await io.templateFile?.(text)) ?? text) : text;
}

/** The longest that a field is shown, Airflow's `max_templated_field_length`. */
const SHOWN_CHARACTERS = 4_096;

/**
 * The templated fields as people see them: what was rendered, with results in it, secrets hidden, each cut to 4,096
 * characters. Undefined: the author's code says already all that they are.
 */
export function shownFields(task: TaskModel, input: { readonly [name: string]: unknown }, rendered: RenderedFields | undefined, mask: SecretMask | undefined): { readonly [field: string]: Json } | undefined {
  return rendered === undefined && !templatesOf(task).hasSource ? undefined : showFields(task, input, rendered, mask);
}

/** The same of fields in which nothing is rendered, too. */
export function showFields(task: TaskModel, input: { readonly [name: string]: unknown }, rendered: RenderedFields | undefined, mask: SecretMask | undefined): { readonly [field: string]: Json } {
  const fields = Object.entries(input).filter(([field, value]) => fieldKind(task.operator, field) !== undefined && value !== undefined);
  return Object.fromEntries(fields.map(([field, value]) => [field, shownValue(rendered?.shown[field] ?? value, mask)]));
}

function shownValue(value: unknown, mask: SecretMask | undefined): Json {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null');
  if (text.length > SHOWN_CHARACTERS) {
    const cut = (mask?.mask(text) ?? text).slice(0, SHOWN_CHARACTERS);
    return `${mask?.maskCut(cut) ?? cut}… (${text.length} characters)`;
  }
  return typeof value === 'string' ? (mask?.mask(value) ?? value) : masked(JSON.parse(text) as Json, mask);
}

function masked(value: Json, mask: SecretMask | undefined): Json {
  if (mask === undefined) return value;
  if (typeof value === 'string') return mask.mask(value);
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item) => masked(item, mask));
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [mask.mask(name), masked(member as Json, mask)]));
}

function membersOf(input: Template): readonly (readonly [string, Template])[] {
  if (input.kind === 'object') return input.members;
  if (input.kind !== 'constant' || typeof input.value !== 'object' || input.value === null) return [];
  return Object.entries(input.value).map(([name, value]) => [name, { kind: 'constant', value }]);
}

function visitTexts(template: Template, onText: (text: string) => void, onSource: () => void): void {
  switch (template.kind) {
    case 'source':
      return onSource();
    case 'list':
      return template.items.forEach((item) => visitTexts(item, onText, onSource));
    case 'object':
      return template.members.forEach(([, member]) => visitTexts(member, onText, onSource));
    case 'constant':
      return visitConstant(template.value, onText, []);
  }
}

function visitConstant(value: unknown, onText: (text: string) => void, path: readonly unknown[]): void {
  if (typeof value === 'string') return onText(value);
  if (typeof value !== 'object' || value === null || path.includes(value)) return;
  for (const member of Object.values(value)) visitConstant(member, onText, [...path, value]);
}
