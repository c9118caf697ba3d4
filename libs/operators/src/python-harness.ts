/**
 * Runs inside Python: reads what to do from descriptor 3, runs it, writes how it ended to descriptor 4. Code of the task
 * finds a module `dagbook` with its input, a way to hand over a result, and the exceptions that skip or fail for good.
 */
export const PYTHON_HARNESS = String.raw`
import sys
if sys.version_info < (3, 8):
    sys.exit("Dagbook's python tasks need Python 3.8 or newer; this is " + sys.version)
import asyncio, importlib, importlib.util, inspect, json, os, runpy, traceback, types

with os.fdopen(3, encoding='utf-8') as source:
    order = json.load(source)
os.set_inheritable(4, False)

class SkipTask(Exception):
    pass

class FailTask(Exception):
    pass

NOTHING = object()
task = types.ModuleType('dagbook')
task.input = order.get('input')
task.SkipTask, task.FailTask, task._result = SkipTask, FailTask, NOTHING
def result(value):
    task._result = value
task.result = result
sys.modules['dagbook'] = task
sys.path[:0] = order['path']

class NotFound(Exception):
    pass

def loaded():
    if 'module' in order:
        try:
            return importlib.import_module(order['module'])
        except ModuleNotFoundError as error:
            if error.name is not None and (order['module'] + '.').startswith(error.name + '.'):
                raise NotFound("there is no Python module '%s' on this worker; 'path' names folders to look in" % order['module']) from error
            raise
    if 'code' in order:
        module = types.ModuleType('dagbook_task')
        sys.modules['dagbook_task'] = module
        exec(compile(order['code'], '<code of the task>', 'exec'), module.__dict__)
        return module
    spec = importlib.util.spec_from_file_location('dagbook_task', order['file'])
    module = importlib.util.module_from_spec(spec)
    sys.modules['dagbook_task'] = module
    spec.loader.exec_module(module)
    return module

def called(name):
    found = loaded()
    for part in name.split('.'):
        found = getattr(found, part, NOTHING)
    if not callable(found):
        raise NotFound("there is nothing to call by the name '%s' in %s" % (name, order.get('module') or order.get('file') or 'the code'))
    given = order.get('input')
    value = found() if given is None else found(**given) if isinstance(given, dict) else found(given)
    return asyncio.run(value) if inspect.iscoroutine(value) else value

def run():
    if 'callable' in order:
        value = called(order['callable'])
        return value if task._result is NOTHING else task._result
    if 'file' in order:
        if not os.path.isfile(order['file']):
            raise NotFound("there is no file %s on this worker" % order['file'])
        sys.argv = [order['file']]
        sys.path.insert(0, os.path.dirname(os.path.abspath(order['file'])))
        runpy.run_path(order['file'], run_name='__main__')
    elif 'module' in order:
        sys.argv = [order['module']]
        runpy.run_module(order['module'], run_name='__main__', alter_sys=True)
    else:
        sys.argv = ['<code of the task>']
        main = types.ModuleType('__main__')
        sys.modules['__main__'] = main
        exec(compile(order['code'], '<code of the task>', 'exec'), main.__dict__)
    return None if task._result is NOTHING else task._result

def described(error):
    text = str(error)
    return type(error).__name__ + (': ' + text if text else '')

code = 0
try:
    value = run()
    try:
        answer = {'kind': 'result', 'json': json.dumps(value, allow_nan=False, ensure_ascii=False)}
    except (TypeError, ValueError, RecursionError) as error:
        answer = {'kind': 'bad_output', 'message': described(error)}
except SystemExit as error:
    code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    if isinstance(error.code, str):
        print(error.code, file=sys.stderr)
    answer = {'kind': 'exit'} if code else {'kind': 'result', 'json': json.dumps(None if task._result is NOTHING else task._result)}
except SkipTask as error:
    answer = {'kind': 'skip', 'message': str(error)}
except FailTask as error:
    answer = {'kind': 'fail', 'message': str(error), 'detail': traceback.format_exc()}
except NotFound as error:
    answer = {'kind': 'not_found', 'message': str(error)}
except BaseException as error:
    # Frames of this harness say nothing to an author.
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename not in ('<string>', runpy.__file__) and not frame.filename.startswith('<frozen')]
    detail = 'Traceback (most recent call last):\n' + ''.join(traceback.format_list(frames)) + ''.join(traceback.format_exception_only(type(error), error))
    print(detail, file=sys.stderr, end='')
    answer = {'kind': 'error', 'message': described(error), 'detail': detail}
sys.stdout.flush()
with os.fdopen(4, 'w', encoding='utf-8', errors='surrogatepass') as sink:
    json.dump(answer, sink)
sys.exit(code)
`;
