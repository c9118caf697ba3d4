// The same ways, made by one function that says what differs: the prefix of the ids, who decides, and what follows.
import { dag, type Edge, label, python, type TaskRef } from '@dagbook/sdk';

const WAYS = ['a', 'b', 'c', 'd'] as const;
type Way = (typeof WAYS)[number];
const d = dag('example_branch_python_operator_decorator', { schedule: '@daily', startDate: '2021-01-01', catchup: false, tags: ['example', 'example2'] });

const plain = { code: 'def choose(choices, day):\n    return choices[int(day[-2:]) % len(choices)]\n\ndef work():\n    print("doing something in external Python")' } as const;
const numpy = {
  code: 'import numpy\n\ndef choose(choices, day):\n    return choices[int(day[-2:]) % len(choices)]\n\ndef work():\n    print(f"Some numpy stuff: {numpy.arange(6)}")', requirements: ['numpy~=1.26'],
} as const;
const input = { choices: WAYS, day: '{{ ds }}' };

/** Four labelled ways out of what a task decides, and where they come together. */
function fork(decided: TaskRef<Way>, joinId: string, way: (name: Way, join: Edge) => Edge): Edge {
  const join = d.empty(joinId, { triggerRule: 'none_failed_min_one_success' });
  const labelled = (name: Way) => label(name, way(name, join));
  d.branch(decided, { a: labelled('a'), b: labelled('b'), c: labelled('c'), d: labelled('d') });
  return join;
}

const branching = d.task('branching', async (_, { logicalDate }): Promise<Way> => WAYS[logicalDate.getUTCDate() % 4] ?? 'a')().after(d.empty('run_this_first'));
const join = fork(branching, 'join', (name, end) => {
  const work = d.task(`branch_${name}`, async (_, { log }) => log.info('doing something in TypeScript'))();
  d.empty(`follow_${name}`).after(work).before(end);
  return work;
});
const inPython = d.task('branching_ext_python', python<Way>({ ...plain, callable: 'choose', input }))().after(join);
const joinPython = fork(inPython, 'join_ext_py', (name, end) => d.task(`ext_py_${name}`, python({ ...plain, callable: 'work' }))().before(end));
const inEnvironment = d.task('branching_virtualenv', python<Way>({ ...numpy, callable: 'choose', input }))().after(joinPython);
fork(inEnvironment, 'join_venv', (name, end) => d.task(`venv_${name}`, python({ ...numpy, callable: 'work' }))().before(end));
export default d;
