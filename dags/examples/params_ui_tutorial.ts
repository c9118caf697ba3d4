// One param for each kind of field that the form of a manual run can show, in Airflow's sections. `required_field` has no default: a run needs one.
import { dag } from '@dagbook/sdk';
import { z } from 'zod';

const TYPED = 'Typed parameters with Param object';
const LISTS = 'Drop-Downs and selection lists';
const ADVANCED = 'Special advanced stuff with form fields';
const SEVERAL = 'Multi-type parameters';
const [, ...VALUES] = Array.from({ length: 49 }, (_, n) => `value ${n + 15}`);
const WORDS = 'Alpha,Bravo,Charlie,Delta,Echo,Foxtrot,Golf,Hotel,India,Juliett,Kilo,Lima,Mike,November,Oscar,Papa,Quebec,Romeo,Sierra,Tango,Uniform,Victor,Whiskey,X-ray,Yankee,Zulu'.split(',');

const params = z.object({
  // Shown by their type alone.
  number_param: z.number().nullable().default(3),
  text_param: z.string().nullable().default('Hello World!'),
  bool_param: z.boolean().default(false),
  list_param: z.array(z.string()).default(['one', 'two', 'three', 'actually one value is made per line']),
  dict_param: z.record(z.string(), z.json()).default({ key: 'value' }),

  most_loved_number: z.int().min(0).max(128).default(42).meta({ title: 'Your favorite number', description: 'Everybody should have a **favorite** number. If you can not think of any, think of 42.', section: TYPED }),
  pick_one: z.enum(VALUES).default('value 42').meta({ title: 'Select one Value', description: 'An enum makes a list to choose from.', section: TYPED }),
  bool: z.boolean().default(true).meta({ title: 'Please confirm', description: 'On or off, with a description.', section: TYPED }),
  date_time: z.iso.datetime({ offset: true }).default('2026-01-05T12:17:00+00:00').meta({ title: 'Date-Time Picker', description: 'A date and a time.', section: TYPED }),
  duration: z.iso.duration().default('PT15M').meta({ title: 'Duration definitions', description: 'ISO 8601, like PT15M, PT2H, P1D.', section: TYPED }),
  date: z.iso.date().default('2026-01-05').meta({ title: 'Date Picker', description: 'A day without a time.', section: TYPED }),
  time: z.iso.time().nullable().default('12:13:14').meta({ title: 'Time Picker', description: 'A time without a day.', section: TYPED }),
  required_field: z.string().min(10).max(30).meta({ title: 'Required text field', description: 'Without a default: a run needs a text here, of 10 to 30 characters.', section: TYPED }),
  optional_field: z.string().nullable().default('optional text, you can trigger also w/o text').meta({ title: 'Optional text field', description: 'May be `null`.', section: TYPED }),

  pick_with_label: z.union([z.literal([1, 2, 3, 4, 5, 6, 7, 8, 9]), z.null()]).default(3).meta({
    title: 'Select one Number', description: 'Values with labels.', section: LISTS,
    values_display: { 1: 'One', 2: 'Two', 3: 'Three', 4: 'Four - is like you take three and get one for free!', 5: 'Five', 6: 'Six', 7: 'Seven', 8: 'Eight', 9: 'Nine' },
  }),
  proposals: z.string().default('Alpha').meta({ title: 'Field with proposals', description: 'Proposals, and any other text.', examples: WORDS, section: LISTS }),
  multi_select: z.array(z.string()).default(['two', 'three']).meta({ title: 'Multi Select', description: 'Some of a list.', examples: ['one', 'two', 'three', 'four', 'five'], section: LISTS }),
  multi_select_with_label: z.array(z.string()).default(['2', '3']).meta({
    title: 'Multi Select with Labels', description: 'Some of a list, with labels.', examples: ['1', '2', '3', '4', '5'], section: LISTS,
    values_display: { 1: 'One box of choccolate', 2: 'Two bananas', 3: 'Three apples' },
  }),

  array_of_numbers: z.array(z.number()).default([1, 2, 3]).meta({ title: 'Array of numbers', description: 'Only numbers are accepted in this array', section: ADVANCED }),
  multiline_text: z.string().nullable().default('A multiline text Param\nthat will keep the newline\ncharacters in its value.').meta({ title: 'Multiline text', format: 'multiline', section: ADVANCED }),
  object: z.record(z.string(), z.json()).nullable().default({ key: 'value' }).meta({ title: 'JSON entry field', section: ADVANCED }),
  array_of_objects: z.array(z.object({ name: z.string(), country_name: z.string().optional() })).default([{ name: 'account_name', country_name: 'country_name' }]).meta({ title: 'JSON array field', section: ADVANCED }),

  batch_size: z.union([z.int(), z.string()]).default(1000).meta({ title: "Batch size (int or 'all')", section: SEVERAL }),
  notify: z.union([z.boolean(), z.string()]).default(true).meta({ title: 'Notification target', section: SEVERAL }),
  pipeline_config: z.union([z.string(), z.record(z.string(), z.json())]).default('nightly-export').meta({ title: 'Pipeline (name or full config)', section: SEVERAL }),
  priority: z.union([z.int(), z.string()]).default(5).meta({ title: 'Priority (number or label)', section: SEVERAL }),

  // Always the same, so not shown.
  hidden_secret_field: z.literal('constant value').default('constant value'),
});

const d = dag('example_params_ui_tutorial', { displayName: 'Params UI tutorial', startDate: '2022-03-04', catchup: false, tags: ['example', 'params', 'ui'], doc: 'Options of a form made of params.', params });

d.task('show_params', async (_, { params: given, log }) => log.info('This DAG was triggered with the following parameters', given), { displayName: 'Show used parameters' })();
export default d;
