import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildFiles, type BuiltFiles, pack, type Rig, startRig } from './rig.ts';

let built: BuiltFiles;
let rig: Rig;

beforeAll(async () => {
  built = await buildFiles();
  rig = await startRig(built);
});
afterAll(async () => {
  await rig?.close();
  built?.remove();
});

const bundle = pack(`
import { dag, bash } from '@dagbook/sdk';
const d = dag('test', {});
d.task('noop', () => {})();
d.task('value', () => ({ answer: 42 }))();
export default d;
`);

test('a task runs and its report tells what it returned', async () => {
  const attempt = await rig.assign({ taskId: 'value', bundle });
  const report = await rig.wire.finished(attempt);
  expect(report.outcome).toEqual({ kind: 'succeeded', result: { kind: 'inline', value: { answer: 42 } }, resultLength: 1 });
});
