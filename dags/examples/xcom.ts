// Results of functions and of commands, handed to both; and one of a few MB, mapped over and pulled by a template.
import { bash, dag } from '@dagbook/sdk';
import { z } from 'zod';

const d = dag('example_xcom', { schedule: '@once', startDate: '2021-01-01', catchup: false, tags: ['example'] });

const pushed = d.task('push', async () => [1, 2, 3])();
const returned = d.task('push_by_returning', async () => ({ a: 'b' }))();
d.task('puller', async ({ list, object }: { list: number[]; object: { a: string } }) => {
  if (list.join() !== '1,2,3' || object.a !== 'b') throw new Error('the values differ');
})({ list: pushed, object: returned });

const said = d.task('bash_push', bash({
  command: `echo "bash_push demo" && printf '{"manually_pushed_value": "manually_pushed_value", "returned_value": "value_by_return"}\\n'`,
  output: z.object({ manually_pushed_value: z.string(), returned_value: z.string() }),
}))();
d.task('bash_pull', bash({
  command: `echo "bash pull demo" && echo "The xcom pushed manually is '$MANUALLY_PUSHED_VALUE'" && echo "The returned_value xcom is '$RETURNED_VALUE'" && echo "finished"`,
  env: { MANUALLY_PUSHED_VALUE: said.get('manually_pushed_value'), RETURNED_VALUE: said.get('returned_value') },
}))();
d.task('pull_value_from_bash_push', async ({ value }: { value: { returned_value: string } }, { log }) => log.info(`The value pushed by task push is ${value.returned_value}`))({ value: said });

const large = dag('xcom_large', { startDate: '2021-01-01', tags: ['example'] });
const rows = large.task('push_large', async () => Array.from({ length: 3 }, (_, part) => ({ part, text: String(part).repeat(1_000_000) })))();
const lengths = large.task('pull_large', async ({ row }: { row: { part: number; text: string } }) => `${row.part}:${row.text.length}`).expand({ row: rows });
large.task('bash_pull_large', bash({ command: 'test "$LENGTHS" = "0:1000000,1:1000000,2:1000000" && test "$PULLED" = 2000000', env: { LENGTHS: "{{ ti.xcom_pull('pull_large') | join(',') }}", PULLED: "{{ (ti.xcom_pull('push_large') | last).text | length * 2 }}" } }))().after(lengths);

export default [d, large];
