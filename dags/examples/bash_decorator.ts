// Commands put together by plain functions of TypeScript, where Airflow decorates functions that answer a command.
import { bash, dag, SkipTask } from '@dagbook/sdk';
import { z } from 'zod';

const d = dag('example_bash_decorator', { startDate: '2023-01-01', catchup: false, tags: ['example'] });

const runMe = (seconds: number) => d.task(`runme_${seconds}`, bash({ command: `echo {{ task_instance_key_str }} && sleep ${seconds}` }))();
const afterLoop = d.task('run_after_loop', bash({ command: 'echo https://example.com/' }))().after(...[0, 1, 2].map(runMe));
const also = d.task('also_run_this', bash({ command: 'echo "ti_key={{ task_instance_key_str }}"' }))();
const again = d.task('also_run_this_again', bash({ command: 'echo "ti_key=$KEY"', env: { KEY: '{{ task_instance_key_str }}' } }))();
const skips = d.task('this_will_skip', bash({ command: 'echo "hello world"; exit 99' }))();
d.empty('run_this_last', { triggerRule: 'all_done' }).after(also, again, skips, afterLoop);

d.task('sleep_in', async (_, { logicalDate }) => {
  if ([0, 6].includes(logicalDate.getUTCDay())) return 'an hour more';
  throw new SkipTask('No sleeping in today!');
})();

d.task('make_dynamic_dirs', bash({ command: 'cd "$(mktemp -d)" && mkdir -p "$BASE_DIR/$NEW_DIRS" && find . -type d', env: { BASE_DIR: "{{ logical_date.strftime('%Y/%m/%d') }}", NEW_DIRS: 'foo/bar/baz' } }))();
d.task('get_file_stats', bash({ command: 'stat "$0"' }))();

const folder = d.task('describe_dag_folder', bash({
  command: `printf '{"dag_folder": "%s", "file_count": %s}\\n' "$DAGBOOK_BUNDLE_PATH" "$(find "$DAGBOOK_BUNDLE_PATH" -type f -name '*.ts' 2>/dev/null | wc -l)"`,
  output: z.object({ dag_folder: z.string(), file_count: z.number() }),
}))();
d.task('show_dag_folder_stats', bash({
  command: 'echo "found $FILE_COUNT DAG files under $DAG_FOLDER"', env: { DAG_FOLDER: folder.get('dag_folder'), FILE_COUNT: folder.get('file_count') },
}))();
export default d;
