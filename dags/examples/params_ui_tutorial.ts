// One param for each kind of field that the form of a manual run can show.
import { dag } from '@dagbook/sdk';
import { z } from 'zod';

const d = dag('example_params_ui_tutorial', {
  startDate: '2022-03-04', tags: ['example', 'params'],
  params: z.object({
    x: z.int().default(3).describe('A whole number'),
    text: z.string().default('Hello World!').describe('A line of text'),
    flag: z.boolean().default(false).describe('Yes or no'),
    a_simple_list: z.array(z.string()).default(['one', 'two', 'three']).describe('A text a line'),
    pick_one: z.enum(['value 1', 'value 2', 'value 42']).default('value 42').describe('One of a few'),
    required_range: z.int().min(1).max(42).default(7).describe('Between 1 and 42'),
    required_text: z.string().min(10).max(30).default('Length matters').describe('10 to 30 characters'),
    optional_text: z.string().nullable().default(null).describe('May stay empty'),
    date_only: z.iso.date().default('2026-01-05').describe('A day'),
    object: z.object({ key: z.string(), count: z.number() }).default({ key: 'value', count: 1 }).describe('JSON'),
  }),
});

d.task('show_params', async (_, { params, log }) => {
  log.info('This run was started with', params);
  return params.x * 2;
})();
export default d;
