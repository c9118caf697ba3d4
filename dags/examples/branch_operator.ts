// One of four ways is taken, three times: as TypeScript decides, as Python does, and as Python in an environment of its own does.
import { dag, label, python } from '@dagbook/sdk';

const WAYS = ['a', 'b', 'c', 'd'] as const;
type Way = (typeof WAYS)[number];
const d = dag('example_branch_operator', { schedule: '@daily', startDate: '2021-01-01', catchup: false, tags: ['example', 'example2'] });

/** The day decides, so that a run of the same day goes the same way. */
const code = 'def choose(choices, day):\n    return choices[int(day[-2:]) % len(choices)]\n\ndef hello():\n    print("Hello World from Python")';
const numpy = 'import numpy\n\ndef choose(choices, day):\n    print(f"Some numpy stuff: {numpy.arange(6)}")\n    return choices[int(day[-2:]) % len(choices)]\n\ndef hello():\n    print(f"Hello World with {numpy.arange(6)}")';
const environment = { code: numpy, requirements: ['numpy~=1.26'] } as const;
const input = { choices: WAYS, day: '{{ ds }}' };

const branching = d.task('branching', async (_, { logicalDate }): Promise<Way> => WAYS[logicalDate.getUTCDate() % 4] ?? 'a')().after(d.empty('run_this_first'));
const join = d.empty('join', { triggerRule: 'none_failed_min_one_success' });
const way = (name: Way) => {
  const work = d.task(`branch_${name}`, async (_, { log }) => log.info('Hello World'))();
  d.empty(`follow_${name}`).after(work).before(join);
  return label(name, work);
};
d.branch(branching, { a: way('a'), b: way('b'), c: way('c'), d: way('d') });

const branchingPython = d.task('branching_ext_python', python<Way>({ code, callable: 'choose', input }))().after(join);
const joinPython = d.empty('join_ext_python', { triggerRule: 'none_failed_min_one_success' });
const pythonWay = (name: Way) => label(name, d.task(`ext_py_${name}`, python({ code, callable: 'hello' }))().before(joinPython));
d.branch(branchingPython, { a: pythonWay('a'), b: pythonWay('b'), c: pythonWay('c'), d: pythonWay('d') });

const branchingVenv = d.task('branching_venv', python<Way>({ ...environment, callable: 'choose', input }))().after(joinPython);
const joinVenv = d.empty('join_venv', { triggerRule: 'none_failed_min_one_success' });
const venvWay = (name: Way) => label(name, d.task(`venv_${name}`, python({ ...environment, callable: 'hello' }))().before(joinVenv));
d.branch(branchingVenv, { a: venvWay('a'), b: venvWay('b'), c: venvWay('c'), d: venvWay('d') });
export default d;
