import { expect, it } from 'vitest';
import { Matching } from '../dto/field.ts';
import { ApiError } from '../error/api-error.ts';
import { carryOut, type BulkOperations } from './bulk.ts';

class Named {
  @Matching(/^\w+$/, { required: true }) name!: string;
}

const begun: string[] = [];
const act = async (name: string): Promise<void> => {
  begun.push(name);
  await new Promise(setImmediate);
  if (name === 'late') throw new ApiError(503, 'no outcome yet');
  if (begun.length < 3) throw new ApiError(409, 'not begun together');
};
const operations: BulkOperations<Named> = {
  type: Named, idOf: ({ name }) => name, idPattern: /^\w+$/, isAtOnce: true,
  exists: async () => true, create: ({ name }) => act(name), overwrite: ({ name }) => act(name), update: ({ name }) => act(name), delete: act,
};

it('asks for all entities of an action at once and tells of each in their order', async () => {
  expect(await carryOut([{ action: 'create', entities: [{ name: 'a' }, { name: 'late' }, { name: 'b' }] }], operations)).toEqual({
    create: { success: ['a', 'b'], errors: [{ error: 'no outcome yet', status_code: 503 }] },
  });
  expect(begun).toEqual(['a', 'late', 'b']);
});

it('refuses ids that are none before anything is done', async () => {
  begun.length = 0;
  await expect(carryOut([{ action: 'delete', entities: ['a', 'b\u0000'] }], operations)).rejects.toMatchObject({ status: 422 });
  await expect(carryOut([{ action: 'delete', entities: [{ name: '\ud800' }] }], operations)).rejects.toMatchObject({ status: 422 });
  expect(begun).toEqual([]);
});
