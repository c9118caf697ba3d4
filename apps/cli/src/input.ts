import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { CliFailure } from './failure.ts';
import type { Terminal } from './terminal.ts';

type JsonObject = { readonly [name: string]: unknown };

/** `{"a": 1}`, `@file.json` or `@-` for stdin, with `path.to=value` of `--set` laid over it. */
export async function readParams(terminal: Terminal, given: string | undefined, settings: readonly string[]): Promise<JsonObject> {
  const base = given === undefined ? {} : parseObject('--params', await textOf(terminal, given));
  return settings.reduce<JsonObject>((params, setting) => laidOver(params, setting), base);
}

async function textOf(terminal: Terminal, given: string): Promise<string> {
  if (given === '@-') return terminal.readStdin();
  if (!given.startsWith('@')) return given;
  const path = resolve(terminal.cwd, given.slice(1));
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CliFailure('usage', `--params: ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).`);
  }
}

function parseObject(option: string, text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CliFailure('usage', `${option} is no JSON: ${(error as Error).message}.`, `Give an object like '{"day": "2027-01-05"}', a file as @params.json, or @- for stdin.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new CliFailure('usage', `${option} must be a JSON object, not ${Array.isArray(value) ? 'a list' : JSON.stringify(value)}.`);
  return value as JsonObject;
}

/** A value that is JSON is taken as JSON, anything else as text: `n=3` is a number, `name=Kim` a text. */
function laidOver(params: JsonObject, setting: string): JsonObject {
  const equals = setting.indexOf('=');
  if (equals < 1) throw new CliFailure('usage', `--set "${setting}" has no name and value.`, 'Give it like --set day=2027-01-05 or --set limits.rows=100.');
  const place = (into: unknown, [name, ...rest]: readonly string[]): unknown => {
    if (name === undefined) return jsonOrText(setting.slice(equals + 1));
    const object = typeof into === 'object' && into !== null && !Array.isArray(into) ? (into as JsonObject) : {};
    return Object.fromEntries([...Object.entries(object).filter(([key]) => key !== name), [name, place(Object.hasOwn(object, name) ? object[name] : undefined, rest)]]);
  };
  return place(params, setting.slice(0, equals).split('.')) as JsonObject;
}

export function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

export const wholeNumber = (min: number, max: number) => (text: string): number => {
  const number = /^-?\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
};

/** For an option that may be given several times. */
export const collected = (text: string, before: readonly string[]): readonly string[] => [...before, text];

/** The same, of these names only. */
export const collectedOf = <Name extends string>(names: readonly Name[]) => (text: string, before: readonly Name[]): readonly Name[] => {
  const found = names.find((name) => name === text);
  if (found === undefined) throw new InvalidArgumentError(`It must be one of ${names.join(', ')}.`);
  return [...before, found];
};
