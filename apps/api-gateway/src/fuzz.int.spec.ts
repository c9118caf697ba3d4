import { readFileSync } from 'node:fs';
import { Journal, PIPELINE, withPostgres } from '@dagbook/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { House } from '../test/house.ts';

interface Parameter {
  readonly name: string;
  readonly in: string;
}
const document = JSON.parse(readFileSync(new URL('../openapi.json', import.meta.url), 'utf8')) as {
  paths: Record<string, Record<string, { operationId: string; parameters?: Parameter[]; requestBody?: object }>>;
};

const postgres = withPostgres();
let house: House;

beforeAll(async () => {
  house = await House.open(postgres);
  const journal = new Journal(postgres.stores.events);
  await journal.dag(PIPELINE);
  await journal.run(PIPELINE, 'r1');
  await house.answerCommands(() => Promise.resolve({ kind: 'refused', code: 'about_to_move', message: 'Nothing is done in this house.' }));
  await house.caughtUp();
});
afterAll(() => house.close());

/** What exists, what nearly does, and what never could. */
const oddText = fc.oneof(
  fc.constantFrom('pipeline', 'r1', 'extract', 'load', '~', '-1', '0', '1', 'true', 'null', '2026-11-25T00:00:00Z', '9'.repeat(30), '%', '_', '\u0000', '../..', '__proto__', 'constructor', "'; DROP TABLE rm.dags; --", '한국어', '\ud83d\ude00'),
  fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replace(/\p{Surrogate}/gu, '')),
);
const known: Record<string, string> = { dag_id: 'pipeline', dag_run_id: 'r1', task_id: 'extract', map_index: '-1', try_number: '1' };

/** Streams do not end; they have tests of their own. Signing in with ten wrong passwords waits. */
const UNFIT = new Set(['stream_changes', 'stream_log', 'create_token', 'create_token_cli']);
const operations = Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })));

describe('whatever is asked, the answer is never 5xx', () => {
  it.each(operations.filter(({ operationId }) => !UNFIT.has(operationId)).map((operation) => [operation.operationId, operation] as const))('%s', async (_, { path, method, parameters = [], requestBody }) => {
    const request = fc.record({
      path: fc.record(Object.fromEntries(parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => [name, fc.oneof({ weight: 3, arbitrary: fc.constant(known[name] ?? '1') }, { weight: 1, arbitrary: oddText })]))),
      query: fc.dictionary(fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name), 'other') }, { weight: 1, arbitrary: oddText }), fc.array(oddText, { minLength: 1, maxLength: 2 }), { maxKeys: 3 }),
      body: requestBody === undefined ? fc.constant(undefined) : fc.oneof(
        fc.json(),
        oddText,
        fc.dictionary(fc.constantFrom('is_paused', 'dry_run', 'state', 'note', 'new_state', 'conf', 'dag_run_id', 'task_ids', 'logical_date', 'data_interval_start', 'only_failed'), fc.oneof(fc.jsonValue(), oddText)).map((value) => JSON.stringify(value)),
      ),
    });
    await fc.assert(
      fc.asyncProperty(request, async (given) => {
        const filled = path.replace(/\{(\w+)\}/g, (_match, name: string) => encodeURIComponent(given.path[name] ?? ''));
        const search = new URLSearchParams(Object.entries(given.query).flatMap(([name, values]) => values.map((value): [string, string] => [name, value])));
        const answer = await house.ask(method.toUpperCase(), `${filled}?${search.toString()}`, { body: given.body });
        expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(500);
        if (answer.status >= 400) expect(answer.body).toHaveProperty('detail');
      }),
      { numRuns: 40 },
    );
  });
});
