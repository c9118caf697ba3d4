import { HttpException } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import type { BulkActionResponse, BulkResponse } from '../dto/secret.ts';
import { invalid } from '../error/api-error.ts';

/** What a bulk request does with one entity. Each throws what its own operation would answer. */
export interface BulkOperations<Entity> {
  readonly type: new () => Entity;
  readonly idOf: (entity: Entity) => string;
  /** What the ids of a delete must be; default: any text, which is then not found. */
  readonly idPattern?: RegExp;
  /** Entities of an action wait for an outcome each, and may be asked for side by side. Default: one after the other. */
  readonly isAtOnce?: boolean;
  exists(id: string): Promise<boolean>;
  create(entity: Entity): Promise<void>;
  /** Takes whatever is there. */
  overwrite(entity: Entity): Promise<void>;
  update(entity: Entity, mask: readonly string[] | undefined): Promise<void>;
  delete(id: string): Promise<void>;
}

/**
 * Airflow's bulk request: actions in their order, each entity by itself, so that one that fails keeps no other from being
 * done. A request that is none is refused whole, before anything is done.
 */
export async function carryOut<Entity extends object>(actions: readonly Record<string, unknown>[], operations: BulkOperations<Entity>): Promise<BulkResponse> {
  const read = actions.map((action, at) => readAction(action, at, operations));
  const answer: { [action: string]: BulkActionResponse } = {};
  for (const { kind, entities, ids, onExistence, onNonExistence, mask } of read) {
    const told = (answer[kind] ??= { success: [], errors: [] });
    const attempt = async (id: string, act: () => Promise<boolean>): Promise<() => void> => {
      try {
        return (await act()) ? () => void told.success.push(id) : () => undefined;
      } catch (error) {
        if (!(error instanceof HttpException)) throw error;
        const { detail } = error.getResponse() as { detail: unknown };
        return () => void told.errors.push({ error: typeof detail === 'string' ? detail : JSON.stringify(detail), status_code: error.getStatus() });
      }
    };
    const each = async <Item>(items: readonly Item[], act: (item: Item) => Promise<() => void>): Promise<void> => {
      if (operations.isAtOnce === true) for (const tell of await Promise.all(items.map(act))) tell();
      else for (const item of items) (await act(item))();
    };
    const isSkipped = async (id: string, wanted: boolean): Promise<boolean> => (await operations.exists(id)) === wanted;
    await each(entities, (entity) => {
      const id = operations.idOf(entity);
      return attempt(id, async () => {
        if (kind === 'create') {
          if (onExistence === 'skip' && (await isSkipped(id, true))) return false;
          await (onExistence === 'overwrite' ? operations.overwrite(entity) : operations.create(entity));
        } else {
          if (onNonExistence === 'skip' && (await isSkipped(id, false))) return false;
          await operations.update(entity, mask);
        }
        return true;
      });
    });
    await each(ids, (id) =>
      attempt(id, async () => {
        if (onNonExistence === 'skip' && (await isSkipped(id, false))) return false;
        await operations.delete(id);
        return true;
      }));
  }
  return answer;
}

interface Action<Entity> {
  readonly kind: 'create' | 'update' | 'delete';
  readonly entities: readonly Entity[];
  /** Of a delete. */
  readonly ids: readonly string[];
  readonly onExistence: 'fail' | 'skip' | 'overwrite';
  readonly onNonExistence: 'fail' | 'skip';
  readonly mask: readonly string[] | undefined;
}

function readAction<Entity extends object>(action: Record<string, unknown>, at: number, { type, idPattern }: Pick<BulkOperations<Entity>, 'type' | 'idPattern'>): Action<Entity> {
  const wrong = (field: string, rule: string, msg: string): never => {
    throw invalid([{ type: rule, loc: ['body', 'actions', at, field], msg }]);
  };
  const word = <Word extends string>(field: string, words: readonly Word[], fallback?: Word): Word => {
    const given = action[field] ?? fallback;
    return words.find((one) => one === given) ?? wrong(field, 'enum', `Input should be ${words.map((one) => `'${one}'`).join(' or ')}`);
  };
  const kind = word('action', ['create', 'update', 'delete']);
  const list = Array.isArray(action['entities']) && action['entities'].length <= 1_000 ? (action['entities'] as readonly unknown[]) : wrong('entities', 'list_type', 'Input should be a list of at most 1000 entities');
  const mask = action['update_mask'];
  if (mask !== undefined && !(Array.isArray(mask) && mask.every((name) => typeof name === 'string'))) wrong('update_mask', 'list_type', 'Input should be a list of names');
  return {
    kind,
    ids: kind === 'delete' ? list.map((entity) => idOf(entity, idPattern) ?? wrong('entities', 'string_type', `Input should be ids, or objects that have one${idPattern === undefined ? '' : `, of the pattern '${idPattern.source}'`}`)) : [],
    entities: kind === 'delete' ? [] : list.map((entity, index) => readEntity(entity, type, ['body', 'actions', at, 'entities', index])),
    onExistence: word('action_on_existence', ['fail', 'skip', 'overwrite'], 'fail'),
    onNonExistence: word('action_on_non_existence', ['fail', 'skip'], 'fail'),
    mask: mask as readonly string[] | undefined,
  };
}

function idOf(entity: unknown, pattern: RegExp = /^/): string | undefined {
  const id = typeof entity === 'string' ? entity : idIn(entity);
  return id !== undefined && pattern.test(id) ? id : undefined;
}

function idIn(entity: unknown): string | undefined {
  if (typeof entity !== 'object' || entity === null) return undefined;
  const { connection_id: connectionId, key, name } = entity as { connection_id?: unknown; key?: unknown; name?: unknown };
  const id = connectionId ?? key ?? name;
  return typeof id === 'string' ? id : undefined;
}

function readEntity<Entity extends object>(given: unknown, type: new () => Entity, loc: readonly (string | number)[]): Entity {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw invalid([{ type: 'model_attributes_type', loc, msg: 'Input should be a JSON object' }]);
  const entity = plainToInstance(type, given);
  const [first] = validateSync(entity, { whitelist: true, forbidNonWhitelisted: true });
  if (first === undefined) return entity;
  const [[rule, msg] = ['value_error', 'is not allowed']] = Object.entries(first.constraints ?? {});
  throw invalid([{ type: first.value === undefined ? 'missing' : rule, loc: [...loc, first.property], msg: first.value === undefined ? 'Field required' : msg }]);
}
