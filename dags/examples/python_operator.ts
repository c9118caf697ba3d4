// Functions as tasks, those that wait too, and Python: in the worker's interpreter, and in an environment with a library of its own.
import { setTimeout as sleep } from 'node:timers/promises';
import { dag, python } from '@dagbook/sdk';

const code = `
def colours():
    from colorama import Back, Fore, Style
    print(Fore.RED + "some red text")
    print(Back.GREEN + "and with a green background")
    print(Style.RESET_ALL + "Finished")

def where():
    import sys
    print(f"Running task via {sys.executable}")
`;

const build = (dagId: string, doc: string) => {
  const d = dag(dagId, { startDate: '2021-01-01', catchup: false, tags: ['example'], doc });
  const printed = d.task('print_the_context', async (_, { ds, run, log }) => {
    log.info(`the run ${run.id} is of ${ds}`);
    return 'Whatever you return is the result of the task';
  })();
  const logged = d.task('log_sql_query', python({ code: 'def log_sql(query):\n    print(f"query: {query}")', callable: 'log_sql', input: { query: 'sql/sample.sql' } }))().after(printed);
  const sleeping = [0, 1, 2, 3, 4].map((n) => d.task(`sleep_for_${n}`, async () => { await sleep(n * 10); })().after(logged));
  for (const n of [0, 1, 2, 3, 4]) d.task(`async_sleep_for_${n}`, async ({ seconds }: { seconds: number }) => sleep(seconds * 100))({ seconds: n / 10 }).after(logged);
  const external = d.task('external_python', python({ code, callable: 'where', python: 'python3' }))().after(printed);
  d.task('virtualenv_python', python({ code, callable: 'colours', requirements: ['colorama==0.4.0'] }))().after(external, ...sleeping.slice(-1));
  return d;
};

export default [
  build('example_python_operator', 'Ways to run TypeScript and Python.'),
  // Airflow has this one twice, as operators and as decorated functions; here both are the same call.
  build('example_python_decorator', 'The same, where Airflow decorates functions.'),
];
