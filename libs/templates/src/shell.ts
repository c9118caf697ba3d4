import type { TemplateContext } from './airflow/context.ts';
import { TemplateError } from './error.ts';
import type { Lookup, LookupAnswer } from './lookup.ts';
import type { RenderOptions } from './render.ts';
import { renderSteps } from './render.ts';
import { placeValues } from './shell-place.ts';

/** A shell's command in which no value stands: it finds them in its environment. */
export interface ShellCommand {
  readonly command: string;
  readonly environment: { readonly [name: string]: string };
  /** The command as Airflow would have it, with the values in it: to be read by people, never to be run. */
  readonly shown: string;
}

const MARK = '\ufdd0';
const END = '\ufdd1';
/** Where the value of this number is printed. */
const PRINTED = /\ufdd0(\d+)\ufdd1/g;

/**
 * Renders a template that a shell will read. The template's own text is code; what it prints is data, and reaches the
 * shell through environment variables that the command refers to, quoted as the place in the command needs.
 * @throws TemplateError, also of a value that cannot be data at its place.
 */
export function* renderShellSteps(template: string, context: TemplateContext, options: Omit<RenderOptions, 'write'> = {}): Generator<Lookup, ShellCommand, LookupAnswer> {
  const values: string[] = [];
  const valueOf = (_: string, index: string): string => values[Number(index)] ?? '';
  const write = (value: string): string => {
    // A value made of what a block wrote has places in it, too.
    values.push(value.replace(PRINTED, valueOf));
    return `${MARK}${values.length - 1}${END}`;
  };
  const text = yield* renderSteps(template, context, { ...options, write });
  const environment: { [name: string]: string } = {};
  const command = placeValues(text, (index) => {
    const value = values[index];
    if (value === undefined) throw new TemplateError('ValueError', 'The template holds characters (U+FDD0, U+FDD1) that are no text.');
    const name = `DAGBOOK_VALUE_${Object.keys(environment).length + 1}`;
    return { value, reference: () => (environment[name] = value, `\${${name}}`) };
  });
  return { command, environment, shown: text.replace(PRINTED, valueOf) };
}
