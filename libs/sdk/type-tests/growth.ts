// What has grown around the first types: mapping, zip, setup, branches over groups.
import { bash, concat, cron, dag, every, mock, poke, zip } from '@dagbook/sdk';
import { z } from 'zod';

const d = dag('growth', { schedule: every('90m'), params: z.object({ n: z.number().default(1) }) });

const names = d.task('names', async () => ['a', 'b'])();
const sizes = d.task('sizes', async (_, { params }) => [params.n, 2])();
const load = d.task('load', async ({ name, size }: { name: string; size: number }) => `${name}${size}`);

const loaded = load.expandKwargs([{ name: 'a', size: 1 }]);
load.expand({ name: names.map((name) => name.toUpperCase()), size: sizes });
load.partial({ size: 3 }).expand({ name: concat<string>(names, ['z']) });
const pairs = d.task('pairs', async ({ pair }: { pair: [string, number] }) => pair[1]).expand({ pair: zip<[string, number]>([names, sizes]) });
const total = d.task('total', async ({ all, first }: { all: number[]; first: number }) => all.length + first)({ all: pairs, first: pairs.get(0) });
const counted = d.task('counted', bash({ command: 'echo 1', env: { N: total, TEXT: 'x' }, output: z.object({ rows: z.number() }) }))();
d.task('after', async ({ rows }: { rows: number }) => rows)({ rows: counted.get('rows') });
d.latestOnly('latest').after(d.group('g'), loaded);
const made = d.setup('made', async () => ({ id: 'x' }))();
d.teardown('gone', async ({ id }: { id: string }) => { void id; })({ id: made.get('id') });
d.shortCircuit('gate', async () => true, { ignoreDownstreamTriggerRules: false })();
d.sensor('wait', async () => poke.done(1), { every: '1m' })();
export default d;

// @ts-expect-error a cron has five fields
dag('x', { schedule: '0 6 * *' });
// @ts-expect-error a cron needs its time zone
cron('0 6 * * *');
// @ts-expect-error arguments of the wrong type
load.expandKwargs([{ name: 'a', size: 'b' }]);
// @ts-expect-error map answers a list of numbers
load.partial({ size: 1 }).expand({ name: names.map((name) => name.length) });
// @ts-expect-error a mapped task's result is a list
d.task('one', async ({ n }: { n: number }) => n)({ n: pairs });
// @ts-expect-error an environment holds texts, numbers and booleans
bash({ command: 'x', env: { LIST: ['a'] } });
// @ts-expect-error the command is missing
bash({ env: {} });
// @ts-expect-error a sensor says how often it looks
d.sensor('s', async () => poke.again(), {});
// @ts-expect-error a sensor answers a poke
d.sensor('t', async () => 5, { every: '1m' });
// @ts-expect-error a mock is of the task's type
mock(total, 'x');
// @ts-expect-error no such trigger rule
d.task('r', async () => 1, { triggerRule: 'sometimes' });
