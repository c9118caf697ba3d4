import { expect, test } from 'vitest';

test.each([1, 2])('is run %i times', (n) => expect(n).toBeGreaterThan(0));
test('has an option', { timeout: 1_000 }, () => expect(readable().skip(1)).toBe(2));

const readable = () => ({ skip: (n: number) => n + 1 });
