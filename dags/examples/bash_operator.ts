// Commands in a loop, one whose last line is a result of several members, and one that skips itself by exit code 99.
import { bash, dag } from '@dagbook/sdk';
import { z } from 'zod';

const d = dag('example_bash_operator', {
  schedule: '0 0 * * *', startDate: '2021-01-01', timeout: '60m', tags: ['example', 'example2'],
  params: z.object({ example_key: z.string().default('example_value') }),
  doc: 'Commands: in a loop, with templates, with a result of several members, and one that skips itself.',
});

const last = d.empty('run_this_last');
const afterLoop = d.task('run_after_loop', bash({ command: 'echo https://example.com/' }))().before(last);
for (const n of [0, 1, 2]) d.task(`runme_${n}`, bash({ command: 'echo "{{ task_instance_key_str }}" && sleep 1' }))().before(afterLoop);
d.task('also_run_this', bash({ command: 'echo "ti_key={{ task_instance_key_str }}"' }))().before(last);

const folder = d.task('describe_dag_folder', bash({
  command: `
set -e
count=$(find "$DAGBOOK_BUNDLE_PATH" -type f -name '*.ts' 2>/dev/null | wc -l)
printf '{"dag_folder": "%s", "file_count": %s}\\n' "$DAGBOOK_BUNDLE_PATH" "$count"`,
  output: z.object({ dag_folder: z.string(), file_count: z.number() }),
}))();
d.task('show_dag_folder_stats', bash({
  command: 'echo "found $FILE_COUNT DAG files under $DAG_FOLDER"', env: { DAG_FOLDER: folder.get('dag_folder'), FILE_COUNT: folder.get('file_count') },
}))().before(last);

d.task('this_will_skip', bash({ command: 'echo "hello world"; exit 99' }))().before(last);
export default d;
