import { expect, it } from 'vitest';
import { answerFields, readValue, shownValue } from './answer-form.ts';

const params = {
  region: { value: 'kr', description: 'Where', schema: { type: 'string', enum: ['kr', 'us'], title: 'Region' } },
  note: { value: null, description: null, schema: { type: ['string', 'null'], format: 'multiline' } },
  name: { value: '김', schema: { type: 'string' } },
  rows: { value: 5, schema: { type: 'integer' } },
  force: { value: true, schema: { type: 'boolean' } },
  rest: { value: { a: 1 }, schema: { type: 'object' } },
  any: { value: null },
};

it('a schema\'s properties are fields of their kinds', () => {
  expect(answerFields(params).map(({ name, title, kind, initial }) => [name, title, kind, initial])).toEqual([
    ['region', 'Region', 'choice', 'kr'], ['note', 'note', 'long_text', null], ['name', 'name', 'text', '김'], ['rows', 'rows', 'number', 5], ['force', 'force', 'truth', true],
    ['rest', 'rest', 'json', { a: 1 }], ['any', 'any', 'json', null],
  ]);
});

it('what is shown and not touched is read back as it was', () => {
  for (const field of answerFields(params)) expect([field.name, readValue(field, shownValue(field, field.initial))]).toEqual([field.name, field.name === 'note' ? '' : field.initial]);
});

it.each([['rows', 'x', undefined], ['rows', ' ', null], ['rows', '2.5', 2.5], ['rest', '{', undefined], ['rest', '[1]', [1]], ['region', '1', 'us'], ['region', '-1', undefined], ['force', false, false]] as const)('%s: %j is read as %j', (name, typed, value) => {
  expect(readValue(answerFields(params).find((field) => field.name === name)!, typed)).toEqual(value);
});
