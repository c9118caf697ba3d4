// Results of functions and of commands, handed to both.
import { bash, dag } from '@dagbook/sdk';

const d = dag('example_xcom', { schedule: '@once', startDate: '2021-01-01', tags: ['example'] });

const pushed = d.task('push', async () => [1, 2, 3])();
const returned = d.task('push_by_returning', async () => ({ a: 'b' }))();
d.task('puller', async ({ list, object }: { list: number[]; object: { a: string } }) => {
  if (list.join() !== '1,2,3' || object.a !== 'b') throw new Error('the values differ');
  return list.length;
})({ list: pushed, object: returned });

const said = d.task('bash_push', bash({ command: 'echo "a log line"; echo "the last line is the result"' }))();
d.task('bash_pull', bash({ command: 'echo "it was: $SAID ($LETTER)"', env: { SAID: said, LETTER: returned.get('a') } }))();
d.task('python_pull_from_bash', async ({ line }: { line: string }, { log }) => {
  log.info(`bash said: ${line}`);
  return line.length;
})({ line: said });
export default d;
