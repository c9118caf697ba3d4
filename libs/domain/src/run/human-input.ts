import { reject, type Decision, type Rejected } from '../decider.ts';
import { paramProblems } from '../dag/params.ts';
import { problemText } from '../problem.ts';
import type { RunCommand } from './command.ts';
import type { RunEvent } from './event.ts';
import { humanRequestOf, type HumanAnswer, type HumanRequest, type HumanUser } from './human-request.ts';
import { failInstance, unknownInstance } from './report.ts';
import { findInstance, refOf, type DagRun, type TaskInstance } from './state.ts';

/** A person answers: the same try is made ready again and given the answer. The first answer counts. */
export function answerInput(run: DagRun, command: Extract<RunCommand, { type: 'AnswerInput' }>): Decision<RunEvent> {
  const instance = findInstance(run, command);
  if (instance === undefined) return unknownInstance(command);
  const name = `${command.taskId}[${command.mapIndex}]`;
  if (instance.inputRequest === null) {
    return instance.inputAnswer === null
      ? reject('not_awaiting_input', `${name} is ${instance.state} and asks for nothing: only a task that awaits input can be answered.`)
      : reject('input_received', `${name} has its answer already: clear the task to be asked again.`);
  }
  const request = humanRequestOf(instance.inputRequest);
  return refusal(request, command, name) ?? received(instance, command, command.by, command.nowMs);
}

function refusal(request: HumanRequest, { chosenOptions, paramsInput, by }: Extract<RunCommand, { type: 'AnswerInput' }>, name: string): Rejected | undefined {
  if (request.assignedUsers !== undefined && !request.assignedUsers.some(({ id }) => id === by.id)) {
    return reject('not_assigned', `${by.id} may not answer ${name}: it is assigned to ${request.assignedUsers.map(({ id }) => id).join(', ')}.`);
  }
  const may = `choose ${request.multiple === true ? 'some' : 'one'} of ${request.options.join(', ')}`;
  const unknown = chosenOptions.find((option) => !request.options.includes(option));
  if (unknown !== undefined) return reject('invalid_option', `${name} does not offer ${JSON.stringify(unknown)}: ${may}.`);
  if (new Set(chosenOptions).size !== chosenOptions.length) return reject('invalid_option', `An option of ${name} is chosen twice: ${may}.`);
  if (chosenOptions.length === 0 || (chosenOptions.length > 1 && request.multiple !== true)) {
    return reject('invalid_option', `${chosenOptions.length} options of ${name} are chosen: ${may}.`);
  }
  const known = new Set([...Object.keys(request.params?.defaults ?? {}), ...propertiesOf(request)]);
  const stranger = Object.keys(paramsInput).find((param) => !known.has(param));
  if (stranger !== undefined) {
    return reject('invalid_params_input', `${name} asks for no ${JSON.stringify(stranger)}: ${known.size === 0 ? 'leave params_input out' : `it asks for ${[...known].join(', ')}`}.`);
  }
  const [wrong] = paramProblems(request.params, paramsInput);
  return wrong === undefined ? undefined : reject('invalid_params_input', problemText(wrong));
}

function propertiesOf({ params }: HumanRequest): readonly string[] {
  const { properties } = (params?.schema ?? {}) as { readonly properties?: object };
  return Object.keys(properties ?? {});
}

function received(instance: TaskInstance, { chosenOptions, paramsInput }: Pick<HumanAnswer, 'chosenOptions' | 'paramsInput'>, by: HumanUser | null, nowMs: number): readonly RunEvent[] {
  const { tryNumber } = instance;
  const params = humanRequestOf(instance.inputRequest).params?.defaults;
  return [
    { type: 'TaskInputReceived', ...refOf(instance), tryNumber, chosenOptions, paramsInput: { ...params, ...paramsInput }, by, atMs: nowMs },
    { type: 'TaskScheduled', ...refOf(instance), tryNumber, atMs: nowMs },
  ];
}

/** Nobody has answered in time: the defaults are the answer; without any the try has failed. */
export function passResponseTimeout(run: DagRun, instance: TaskInstance, nowMs: number): readonly RunEvent[] {
  const { defaults } = humanRequestOf(instance.inputRequest);
  if (defaults !== undefined) return received(instance, { chosenOptions: defaults, paramsInput: {} }, null, nowMs);
  return failInstance(run, instance, { code: 'timeout', message: 'Nobody answered before the response timeout, and the task has no defaults.' }, { nowMs });
}
