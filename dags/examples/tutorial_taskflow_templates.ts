// A file of SQL and texts as templates, read by one task; and Jinja in the fields of operators, with Airflow's names. What a command
// prints by {{ }} reaches the shell through its environment, never as code.
import { bash, dag, python } from '@dagbook/sdk';
import { z } from 'zod';

const tutorial = dag('tutorial_taskflow_templates', {
  schedule: '@daily', startDate: '2021-01-01', catchup: false, tags: ['example'],
  params: z.object({ foobar: z.string().default('param_from_dag'), other_param: z.string().default('from_dag') }),
});
tutorial.task('template_test', python({
  code: 'def show(sql, test_var, rendered):\n    print(f"sql: {sql}")\n    print(f"test_var: {test_var}")\n    print(f"rendered template: {rendered}")',
  callable: 'show',
  input: { sql: 'sql/tutorial_taskflow_template.sql', test_var: '{{ run_id }}', rendered: 'run_id: {{ run_id }}; params.other_param: {{ params.other_param }}' },
}))();

const d = dag('templates_in_operators', {
  startDate: '2021-01-01', tags: ['example'],
  params: z.object({ my_param: z.string().default("it's; echo only text") }),
  macros: { partition: (day: string) => `dt=${day}` },
});

const count = d.task('count', () => ({ rows: 3 }))();
const shell = d.task('templated_shell', bash({
  command: `
{% for n in range(2) %}
echo "{{ ds }} plus {{ n }}: {{ macros.ds_add(ds, n) }}"
{% endfor %}
echo '{{ params.my_param }}'
echo "{{ partition(ds_nodash) }}/{{ ti.xcom_pull('count').rows }} rows of {{ data_interval_end.in_timezone('Asia/Seoul').format('YYYY-MM-DD') }}"
`,
  env: { MESSAGE: '{{ dag.dag_id }}, try {{ ti.try_number }}' },
}))();
shell.after(count);
d.task('templated_input', python({
  code: "def greet(day, words):\n    return f'{day}: ' + ', '.join(words)",
  callable: 'greet',
  input: { day: "{{ logical_date.strftime('%d.%m.%Y') }}", words: ['{{ run_id | length > 0 }}', shell] },
}))();
d.task('named', ({ file }: { file: string }) => file.length, { mapIndexTemplate: '{{ input.file }}' }).expand({ file: ['a.csv', 'b.csv'] });

export default [tutorial, d];
