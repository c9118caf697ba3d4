// A param that takes a text or a number.
import { dag } from '@dagbook/sdk';
import { z } from 'zod';

const d = dag('example_multi_type_params', {
  startDate: '2022-03-04', tags: ['example', 'params'],
  params: z.object({ value: z.union([z.string(), z.number()]).default('abc').describe('A text or a number') }),
});

d.task('show', async (_, { params, log }) => { log.info(`${params.value} is a ${typeof params.value}`); return typeof params.value; })();
export default d;
