import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { FailTask, SkipTask, TaskFailure, type OperatorContext, type OperatorExecutor } from '@dagbook/sdk';
import { readSkipCodes, requireSuccess, runCommand } from './command.ts';
import { Fields } from './field.ts';
import { bundlePython } from './bundle-package.ts';
import { environmentWith, interpreterIn, requirementsIn } from './python-environment.ts';
import { PYTHON_HARNESS } from './python-harness.ts';

type Answer =
  | { readonly kind: 'result'; readonly json: string }
  | { readonly kind: 'skip' | 'bad_output' | 'not_found'; readonly message: string }
  | { readonly kind: 'fail' | 'error'; readonly message: string; readonly detail: string };

/**
 * Runs a Python file, a module, or code that came with the DAG; with `callable`, calls a function of it with `input`: an
 * object is its keyword arguments, anything else its one argument. Input and result travel as JSON over descriptors,
 * never in argv. Modules and files beside the DAG are found without a `path`. `requirements` give the task a virtual
 * environment of its own, made once per host and list; without them, `requirements.txt` beside the DAG does. Fails with the
 * exception's own name and text; a result that is no JSON with `bad_output`.
 */
export const python: OperatorExecutor = async (given, context) => {
  const fields = new Fields('python', given);
  const what = readWhat(fields);
  const path = fields.texts('path');
  const cwd = fields.optionalText('cwd', 'a path');
  const env = fields.environment('env');
  const skipCodes = readSkipCodes(fields);
  const requirements = fields.texts('requirements').flatMap(requirementsIn);
  const wanted = fields.optionalText('python', 'the name or path of a Python interpreter') ?? 'python3';

  const { bundle } = context.io;
  const environment = requirements.length === 0 ? await bundlePython(wanted, context) : await environmentWith({ python: wanted, requirements }, context);
  const interpreter = environment === undefined ? wanted : interpreterIn(environment);
  const order = JSON.stringify({
    ...what, ...(what['file'] === undefined ? {} : { file: fileOf(what['file'], context) }),
    path: [...path, ...(bundle === undefined ? [] : [bundle.dagFolder, bundle.folder])], ...(fields.raw('input') === undefined ? {} : { input: fields.raw('input') }),
  });
  const ended = await runCommand(
    { argv: [interpreter, '-u', '-c', PYTHON_HARNESS], cwd, env: { PYTHONUTF8: '1', ...env }, input: order, readsAnswer: true, called: 'the Python code' },
    context,
  );
  return resultOf(ended.answer, () => requireSuccess(ended, skipCodes, 'the Python code'));
};

/** By its path from the DAG's own folder or the bundle's, where it is one of the bundle's files. */
function fileOf(file: string, { io: { bundle } }: OperatorContext): string {
  if (bundle === undefined || isAbsolute(file)) return file;
  return [bundle.dagFolder, bundle.folder].map((folder) => join(folder, file)).find((path) => existsSync(path)) ?? file;
}

/** Without an answer the interpreter itself ended: its exit code is all there is to judge. */
function resultOf(text: string, judgeExitCode: () => void): unknown {
  const answer = text === '' ? { kind: 'exit' as const } : (JSON.parse(text) as Answer | { readonly kind: 'exit' });
  switch (answer.kind) {
    case 'result':
      return JSON.parse(answer.json);
    case 'exit':
      judgeExitCode();
      return null;
    case 'skip':
      throw new SkipTask(answer.message);
    case 'fail':
      throw new FailTask(answer.message);
    case 'bad_output':
      throw new TaskFailure('bad_output', `the result of the Python code cannot be written as JSON: ${answer.message}`);
    case 'not_found':
      throw new TaskFailure('bad_input', answer.message, { retry: false });
    case 'error':
      throw new TaskFailure('error', answer.message, { detail: answer.detail });
  }
}

function readWhat(fields: Fields): { readonly [name: string]: string } {
  const sources = ['file', 'module', 'code'].filter((name) => fields.has(name));
  const [source] = sources;
  if (source === undefined || sources.length > 1) {
    throw new TaskFailure('bad_input', `python: give exactly one of file, module and code; there ${sources.length === 0 ? 'is none' : `are ${sources.join(' and ')}`}`, { retry: false });
  }
  const callable = fields.optionalText('callable', 'the name of a function');
  return { [source]: fields.text(source), ...(callable === undefined ? {} : { callable }) };
}
