import { AwaitInput, FailTask, type OperatorContext, type OperatorExecutor } from '@dagbook/sdk';
import { Fields } from './field.ts';

type HumanRequest = AwaitInput['request'];

const MAX_SUBJECT_CHARACTERS = 500;
const MAX_BODY_CHARACTERS = 16_000;

/** Of `approval`, `choose` and `form`: asks and ends; run again with the answer, hands it on. */
export const humanInput: OperatorExecutor = async (given, context) => {
  const fields = new Fields('human input', given);
  const { answer } = context.request.work;
  if (answer === undefined) {
    const timeoutMs = fields.durationMs('responseTimeout', 0);
    const request = requestOf(fields, context);
    context.io.log('info', `People are asked: ${request.subject}`, { logger: 'humanInput' });
    throw new AwaitInput(request, fields.has('responseTimeout') ? context.io.nowMs() + timeoutMs : undefined);
  }
  const { chosenOptions, paramsInput, by, atMs } = answer;
  context.io.log('info', `${by === null ? 'Nobody answered in time; the defaults are' : `${by.name} answered`}: ${chosenOptions.join(', ')}`, { logger: 'humanInput' });
  if (fields.flag('failOnReject', false) && chosenOptions.includes('Reject')) throw new FailTask(`rejected by ${by?.name ?? 'default'}`);
  return { chosen_options: chosenOptions, params_input: paramsInput, responded_at: new Date(atMs).toISOString(), responded_by_user: by };
};

function requestOf(fields: Fields, { io }: OperatorContext): HumanRequest {
  const mask = io.mask?.();
  // Whoever may look at the run reads it, as its log.
  const shown = (text: string): string => mask?.mask(text) ?? text;
  const subject = fields.text('subject');
  if (subject.length > MAX_SUBJECT_CHARACTERS) fields.refuse('subject', subject, `of at most ${MAX_SUBJECT_CHARACTERS} characters`);
  const body = fields.optionalText('body');
  if (body !== undefined && body.length > MAX_BODY_CHARACTERS) fields.refuse('body', body, `of at most ${MAX_BODY_CHARACTERS} characters`);
  const params = fields.raw('params') as HumanRequest['params'];
  return {
    subject: shown(subject),
    ...(body === undefined ? {} : { body: shown(body) }),
    options: fields.texts('options'),
    ...(fields.has('defaults') ? { defaults: fields.texts('defaults') } : {}),
    ...(fields.flag('multiple', false) ? { multiple: true } : {}),
    ...(params === undefined ? {} : { params }),
    ...(fields.has('assignedUsers') ? { assignedUsers: fields.texts('assignedUsers').map((name) => ({ id: name, name })) } : {}),
  };
}
