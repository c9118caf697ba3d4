import type { OperatorExecutor } from '@dagbook/sdk';
import { awsEnvironment } from './aws-credential.ts';
import { readSkipCodes, requireSuccess, runCommand } from './command.ts';
import { connectionOf } from './connection.ts';
import { Fields } from './field.ts';

/** The AWS CLI, with a connection's credentials in its environment. Its stdout is the result: JSON where it is JSON. */
export const aws: OperatorExecutor = async (given, context) => {
  const fields = new Fields('aws', given);
  const args = fields.texts('args');
  if (args.length === 0) fields.refuse('args', given['args'], 'a list of arguments, as after `aws`');
  const cwd = fields.optionalText('cwd', 'a path');
  const env = fields.environment('env');
  const skipCodes = readSkipCodes(fields);
  const id = fields.optionalText('connection', 'the id of a connection');
  const credentials = id === undefined ? {} : awsEnvironment(await connectionOf(id, context, 'aws'));
  const ended = await runCommand({ argv: ['aws', ...args], cwd, env: { AWS_PAGER: '', ...env, ...credentials }, keepsOutput: true, called: 'the AWS CLI' }, context);
  requireSuccess(ended, skipCodes, 'the AWS CLI');
  const text = ended.output.text.trim();
  try {
    return JSON.parse(text);
  } catch {
    return text === '' ? null : text;
  }
};
