import { describe, it, test } from 'vitest';

test.skip('is not run', () => {}); // ← dagbook/no-skipped-test
it.only('is run alone', () => {}); // ← dagbook/no-skipped-test
test.todo('is not written'); // ← dagbook/no-skipped-test
describe.skipIf(process.platform === 'win32')('is run here', () => {}); // ← dagbook/no-skipped-test
test.concurrent.skip('is not run either', () => {}); // ← dagbook/no-skipped-test
test('is not run by its options', { skip: true }, () => {}); // ← dagbook/no-skipped-test
test('skips itself', (context) => context.skip()); // ← dagbook/no-skipped-test
