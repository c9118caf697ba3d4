import type { OperatorExecutor } from '@dagbook/sdk';
import { bundleEnvironment } from './bundle-package.ts';
import { readSkipCodes, requireSuccess, runCommand } from './command.ts';
import { Fields } from './field.ts';

/**
 * Runs `command` with `/bin/bash -c`. Values reach it through the environment, never as code: `env`, and what
 * `OperatorContext.environment` says of the run. stdout and stderr go to the log line by line; the result is stdout's
 * last line (null when there was none). Exit code 99 (`skipOnExitCode`: a number, a list, or null for none) skips the
 * task, any other than 0 fails it with `exit_code` and the last lines of output. Programs of `requirements.txt` and
 * `package.json` beside the DAG are on its PATH; `DAGBOOK_BUNDLE_PATH` is the folder of the files beside the DAG.
 */
export const bash: OperatorExecutor = async (given, context) => {
  const fields = new Fields('bash', given);
  const command = fields.text('command');
  const cwd = fields.optionalText('cwd', 'a path');
  const env = fields.environment('env');
  const skipCodes = readSkipCodes(fields);
  const installed = await bundleEnvironment(context);
  const ended = await runCommand({ argv: ['/bin/bash', '-c', command], cwd, env: { ...installed, ...env } }, context);
  requireSuccess(ended, skipCodes);
  return ended.output.lastLine;
};
