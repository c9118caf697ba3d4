// Results of functions and of commands, handed to both; one of a few MB, mapped over and pulled by a template.
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

const rows = d.task('push_large', async () => Array.from({ length: 3 }, (_, part) => ({ part, text: String(part).repeat(1_000_000) })))();
const lengths = d.task('pull_large', async ({ row }: { row: { part: number; text: string } }) => `${row.part}:${row.text.length}`).expand({ row: rows });
d.task('bash_pull_large', bash({ command: 'test "$LENGTHS" = "0:1000000,1:1000000,2:1000000" && test "$PULLED" = 2000000', env: { LENGTHS: "{{ ti.xcom_pull('pull_large') | join(',') }}", PULLED: "{{ (ti.xcom_pull('push_large') | last).text | length * 2 }}" } }))().after(lengths);
export default d;
