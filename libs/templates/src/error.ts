/**
 * What Airflow would have raised, by the name of Python's exception. `LimitError` is the room's own: a template wanted
 * more than it may have.
 */
export type PythonException =
  | 'AirflowNotFoundException' | 'AirflowRuntimeError' | 'AssertionError' | 'AttributeError' | 'FilterArgumentError'
  | 'IndexError' | 'JSONDecodeError' | 'KeyError' | 'LimitError' | 'OverflowError' | 'ParserError' | 'PendulumException' | 'RecursionError' | 'RuntimeError' | 'SecurityError' | 'SyntaxError'
  | 'TemplateAssertionError' | 'TemplateNotFound' | 'TemplateRuntimeError' | 'TemplatesNotFound' | 'TemplateSyntaxError' | 'TypeError' | 'UndefinedError'
  | 'ValueError' | 'ZeroDivisionError' | 'InvalidTimezone';

/** The one error that rendering throws: the exception's name, a sentence, and the line where it is known. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  readonly exception: PythonException;
  readonly line: number | undefined;

  constructor(exception: PythonException, message: string, line?: number) {
    super(message);
    this.exception = exception;
    this.line = line;
  }
}

export function raise(exception: PythonException, message: string, line?: number): never {
  throw new TemplateError(exception, message, line);
}

/** Whether this is one of Python's exceptions of these names. */
export const isRaised = (error: unknown, ...exceptions: readonly PythonException[]): boolean =>
  error instanceof TemplateError && exceptions.includes(error.exception);
