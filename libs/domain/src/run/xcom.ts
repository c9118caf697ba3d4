import { isRejected, reject, type Decision, type Rejected } from '../decider.ts';
import { pathKey } from '../dag/plan.ts';
import type { Json } from '../json.ts';
import type { RunCommand } from './command.ts';
import type { RunEvent, TaskResult } from './event.ts';
import { lengthAt, mappedLengths } from './mapping.ts';
import { unknownInstance } from './report.ts';
import { findInstance, refOf, type DagRun, type TaskInstance } from './state.ts';

/** The key of what a task returns; under others stands what people set. */
export const XCOM_KEY = 'return_value';
const MAX_KEY_CHARACTERS = 512;

type Command<Type extends RunCommand['type']> = Extract<RunCommand, { type: Type }>;

/** How long the parts of a value are that other tasks map over: told beside a value that is kept apart. */
export interface ToldLengths {
  readonly resultLength?: number;
  readonly resultLengths?: { readonly [path: string]: number };
}

export function lengthsToTell(value: Json, paths: readonly (readonly string[])[]): ToldLengths {
  return lengthsByPath(new Map(paths.flatMap((path) => {
    const length = lengthAt(value, path);
    return length === undefined ? [] : [[pathKey(path), length] as const];
  })));
}

/** A value of a person's in the place of what a task returned, or beside it under another key. It starts nothing: who read the old value is cleared to read the new one. */
export function setXCom(run: DagRun, command: Command<'SetXCom'>): Decision<RunEvent> {
  const { key, mode, value } = command;
  const instance = findInstance(run, command);
  if (instance === undefined) return unknownInstance(command);
  if (key === '' || key.length > MAX_KEY_CHARACTERS || /[\0\p{Surrogate}]/u.test(key)) {
    return reject('invalid_xcom_key', `The key of an XCom has ${key.length} characters: give 1 to ${MAX_KEY_CHARACTERS}, without U+0000 or half a surrogate pair.`);
  }
  if (instance.slot.plan.mapping !== undefined && instance.slot.length === null) {
    return reject('xcom_not_expanded', `${instance.slot.plan.taskId} is mapped and has not expanded yet: set the XCom of one of its instances once it has.`);
  }
  if (mode === 'create' && hasXCom(instance, key)) return reject('xcom_exists', `The XCom with key: \`${key}\` with mentioned task instance already exists.`);
  if (mode === 'update' && isMissing(instance, key)) return missing(key);
  const lengths = key === XCOM_KEY ? lengthsOf(instance, command) : {};
  return isRejected(lengths) ? lengths : [{ type: 'XComSet', ...refOf(instance), key, value, ...lengths, by: command.by, atMs: command.nowMs }];
}

export function deleteXCom(run: DagRun, { key, by, nowMs, ...ref }: Command<'DeleteXCom'>): Decision<RunEvent> {
  const instance = findInstance(run, ref);
  if (instance === undefined) return unknownInstance(ref);
  return isMissing(instance, key) ? missing(key) : [{ type: 'XComDeleted', ...refOf(instance), key, by, atMs: nowMs }];
}

export function evolveXCom(instance: TaskInstance, event: Extract<RunEvent, { type: 'XComSet' | 'XComDeleted' }>): void {
  const others = (instance.xcoms ?? []).filter((key) => key !== event.key);
  const keys = event.type === 'XComSet' ? [...others, event.key] : others;
  instance.xcoms = keys.length === 0 ? null : keys;
  if (event.key === XCOM_KEY) keepResult(instance, event.type === 'XComSet' ? event.value : null, event.type === 'XComSet' ? event : {});
}

function keepResult(instance: TaskInstance, result: TaskResult | null, { resultLength, resultLengths }: ToldLengths): void {
  const had = instance.hasResult;
  instance.hasResult = result !== null && !(result.kind === 'inline' && result.value === null);
  if (instance.state === 'success') instance.slot.results += Number(instance.hasResult) - Number(had);
  instance.result = instance.slot.plan.read ? result : null;
  instance.resultLength = resultLength ?? null;
  instance.resultLengths = resultLengths ?? null;
}

const hasXCom = (instance: TaskInstance, key: string): boolean => (key === XCOM_KEY && instance.hasResult) || instance.xcoms?.includes(key) === true;

/** A success may have returned null, which no state keeps but is a value to who looks. */
const isMissing = (instance: TaskInstance, key: string): boolean => !hasXCom(instance, key) && !(key === XCOM_KEY && instance.state === 'success');

const missing = (key: string): Rejected => reject('xcom_not_found', `The XCom with key: \`${key}\` with mentioned task instance doesn't exist.`);

function lengthsOf({ slot: { plan }, mapIndex }: TaskInstance, { value, resultLength, resultLengths }: Command<'SetXCom'>): ToldLengths | Rejected {
  if (plan.mappedPaths.length === 0 || mapIndex !== -1) return {};
  const told = { ...(resultLength === undefined ? {} : { resultLength }), ...(resultLengths === undefined ? {} : { resultLengths }) };
  const lengths = mappedLengths(plan.taskId, plan.mappedPaths, { result: value, ...told });
  return lengths instanceof Map ? lengthsByPath(lengths) : reject('invalid_xcom', (lengths as { readonly message: string }).message);
}

function lengthsByPath(lengths: ReadonlyMap<string, number>): ToldLengths {
  const whole = lengths.get('');
  const parts = [...lengths].filter(([path]) => path !== '');
  return { ...(whole === undefined ? {} : { resultLength: whole }), ...(parts.length === 0 ? {} : { resultLengths: Object.fromEntries(parts) }) };
}
