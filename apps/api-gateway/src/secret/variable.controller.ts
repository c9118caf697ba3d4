import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { HIDDEN, isSensitiveName, type Json, withoutSecrets } from '@dagbook/domain';
import { Caller } from '../auth/auth.guard.ts';
import type { Principal } from '../auth/token-desk.ts';
import { orderOf, pageOf } from '../dto/request.ts';
import { BulkBody, BulkResponse, SecretPatchQuery, VARIABLE_KEY, VariableBody, VariableCollectionResponse, VariableListQuery, VariableResponse } from '../dto/secret.ts';
import { badRequest, notFound } from '../error/api-error.ts';
import { body, PathIdPipe, query } from '../error/request.pipe.ts';
import { Operation } from '../operation.ts';
import { carryOut } from './bulk.ts';
import { KeyRingError } from './key-ring.ts';
import { maskedFields, matchesPattern, opened, requireDone, requireOperator, unlessUnreadable } from './secret-access.ts';
import { SecretStore } from './secret-store.ts';

const pathVariable = new PathIdPipe('variable_key', VARIABLE_KEY, false);
const ORDERS = { key: 'key', id: 'key', description: 'description' } as const;

/** What is stored of a variable. */
interface StoredVariable {
  readonly [field: string]: Json;
  readonly value: string;
  readonly description: string | null;
}

@ApiTags('Variable')
@ApiBearerAuth()
@Controller('api/v2/variables')
export class VariableController {
  readonly #store: SecretStore;
  constructor(@Inject(SecretStore) store: SecretStore) {
    this.#store = store;
  }

  @Get()
  @Operation({ id: 'get_variables', summary: 'Stored variables; those of a sensitive key without their value', answers: VariableCollectionResponse, query: VariableListQuery })
  async list(@Query(query(VariableListQuery)) request: VariableListQuery, @Caller() caller: Principal): Promise<VariableCollectionResponse> {
    requireOperator(caller);
    const found = (await this.#store.list('Variable')).filter(({ id }) => matchesPattern(id, request.variable_key_pattern));
    const views = found.map(({ id, content }) => (content instanceof KeyRingError ? view(id, { value: HIDDEN, description: content.message }) : view(id, content as StoredVariable)));
    const [order = { field: 'key' as const, descending: false }] = orderOf(request, ORDERS, [{ field: 'key', descending: false }]);
    views.sort((a, b) => ((a[order.field] ?? '') < (b[order.field] ?? '') ? -1 : 1) * (order.descending ? -1 : 1));
    const { limit, offset } = pageOf(request);
    return { variables: views.slice(offset, offset + limit), total_entries: views.length };
  }

  @Get(':variable_key')
  @Operation({ id: 'get_variable', summary: 'One variable', answers: VariableResponse })
  async get(@Param('variable_key', pathVariable) key: string, @Caller() caller: Principal): Promise<VariableResponse> {
    requireOperator(caller);
    return this.#view(key);
  }

  @Post()
  @HttpCode(201)
  @Operation({ id: 'post_variable', summary: 'Store a variable', answers: VariableResponse, status: 201, body: VariableBody })
  async create(@Body(body(VariableBody)) request: VariableBody, @Caller() caller: Principal): Promise<VariableResponse> {
    requireOperator(caller);
    await this.#set(request, caller.username, 'create');
    return this.#view(request.key);
  }

  @Patch(':variable_key')
  @Operation({ id: 'patch_variable', summary: 'Change a variable; a value given as *** stays', answers: VariableResponse, query: SecretPatchQuery, body: VariableBody })
  async patch(
    @Param('variable_key', pathVariable) key: string,
    @Query(query(SecretPatchQuery)) { update_mask: mask }: SecretPatchQuery,
    @Body(body(VariableBody)) request: VariableBody,
    @Caller() caller: Principal,
  ): Promise<VariableResponse> {
    requireOperator(caller);
    if (request.key !== key) throw badRequest('Invalid body, key from request body doesn’t match uri parameter');
    await this.#update(request, mask, caller.username);
    return this.#view(key);
  }

  @Delete(':variable_key')
  @HttpCode(204)
  @Operation({ id: 'delete_variable', summary: 'Delete a variable', answers: null, status: 204 })
  async delete(@Param('variable_key', pathVariable) key: string, @Caller() caller: Principal): Promise<void> {
    requireOperator(caller);
    requireDone(await this.#store.delete('Variable', key, caller.username));
  }

  @Patch()
  @Operation({ id: 'bulk_variables', summary: 'Create, change and delete many variables', answers: BulkResponse, body: BulkBody })
  async bulk(@Body(body(BulkBody)) { actions }: BulkBody, @Caller() caller: Principal): Promise<BulkResponse> {
    requireOperator(caller);
    const by = caller.username;
    return carryOut(actions, {
      type: VariableBody,
      idOf: (entity) => entity.key,
      exists: async (key) => (await opened(this.#store.get('Variable', key))) !== null,
      create: (entity) => this.#set(entity, by, 'create'),
      overwrite: (entity) => this.#set(entity, by, 'set'),
      update: (entity, mask) => this.#update(entity, mask, by),
      delete: async (key) => requireDone(await this.#store.delete('Variable', key, by)),
    });
  }

  async #set({ key, value, description = null }: VariableBody, by: string, mode: 'create' | 'set'): Promise<void> {
    const before = value === HIDDEN && mode === 'set' ? ((await unlessUnreadable(this.#store.get('Variable', key))) as StoredVariable | null) : null;
    requireDone(await this.#store.set('Variable', key, { value: before?.value ?? textOf(value), description }, { by, mode }));
  }

  async #update({ key, value, description }: VariableBody, mask: readonly string[] | undefined, by: string): Promise<void> {
    const given = maskedFields({ value, ...(description === undefined ? {} : { description }) }, mask?.filter((name) => name !== 'key'));
    requireDone(await opened(this.#store.change('Variable', key, by, (content) => {
      const before = content as StoredVariable;
      return {
        value: given.value === undefined || given.value === HIDDEN ? before.value : textOf(given.value),
        description: given.description === undefined ? before.description : given.description,
      };
    })));
  }

  async #view(key: string): Promise<VariableResponse> {
    const variable = await opened(this.#store.get('Variable', key));
    if (variable === null) throw notFound(`The Variable with key: \`${key}\` was not found`);
    return view(key, variable as StoredVariable);
  }
}

const textOf = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));

const view = (key: string, { value, description }: StoredVariable): VariableResponse => ({ key, value: shownValue(key, value), description, is_encrypted: true, team_name: null });

function shownValue(key: string, value: string): string {
  if (isSensitiveName(key)) return HIDDEN;
  try {
    const json = JSON.parse(value) as Json;
    return typeof json === 'object' && json !== null ? JSON.stringify(withoutSecrets(json)) : value;
  } catch {
    return value;
  }
}
