// Read, check, correct, store: a result goes from task to task. Once as tasks called with results, once as Airflow's operators
// would be: edges drawn, and each result read by a template.
import { dag, python } from '@dagbook/sdk';

const doc = (style: string) => `### Measurement correction (${style})\n\n1. \`read_measurement\` reads a raw value.\n2. \`validate_measurement\` refuses negative ones.\n3. \`apply_correction\` multiplies it by a factor.\n4. \`store_result\` tells it.`;
const spec = (style: string) => ({ startDate: '2024-01-01', catchup: false, tags: ['example'], doc: doc(style) });

const flow = dag('example_measurement_correction_decorator', spec('results passed on'));
const raw = flow.task('read_measurement', async () => 100)();
const valid = flow.task('validate_measurement', async ({ value }: { value: number }) => {
  if (value < 0) throw new Error('Measurement must be positive');
  return value;
})({ value: raw });
const corrected = flow.task('apply_correction', async ({ value }: { value: number }) => value * 1.1)({ value: valid });
flow.task('store_result', async ({ value }: { value: number }, { log }) => log.info(`Corrected measurement: ${value}`))({ value: corrected });

const code = `
def read():
    return 100

def validate(value):
    if float(value) < 0:
        raise ValueError("Measurement must be positive")
    return float(value)

def correct(value):
    return float(value) * 1.1

def store(value):
    print(f"Corrected measurement: {value}")
`;
const operators = dag('example_measurement_correction_operator', spec('operators'));
const pulled = (from: string) => ({ value: `{{ ti.xcom_pull(task_ids='${from}') }}` });
const read = operators.task('read_measurement', python({ code, callable: 'read' }))();
const validated = operators.task('validate_measurement', python({ code, callable: 'validate', input: pulled('read_measurement') }))().after(read);
const applied = operators.task('apply_correction', python({ code, callable: 'correct', input: pulled('validate_measurement') }))().after(validated);
operators.task('store_result', python({ code, callable: 'store', input: pulled('apply_correction') }))().after(applied);

export default [flow, operators];
