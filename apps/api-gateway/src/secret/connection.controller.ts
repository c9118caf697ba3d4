import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { isRejected, type Json } from '@dagbook/domain';
import { Caller } from '../auth/auth.guard.ts';
import type { Principal } from '../auth/token-desk.ts';
import { orderOf, pageOf } from '../dto/request.ts';
import { BulkBody, BulkResponse, CONNECTION_ID, ConnectionBody, ConnectionCollectionResponse, ConnectionListQuery, ConnectionResponse, ConnectionTestQuery, ConnectionTestResponse, SecretPatchQuery } from '../dto/secret.ts';
import { badRequest, forbidden, notFound } from '../error/api-error.ts';
import { body, PathIdPipe, query } from '../error/request.pipe.ts';
import { Operation } from '../operation.ts';
import { carryOut } from './bulk.ts';
import { changedFields, type ConnectionFields, shownFields, taskFields } from './connection-fields.ts';
import { ConnectionTests } from './connection-tests.ts';
import { KeyRingError } from './key-ring.ts';
import { maskedFields, matchesPattern, opened, refused, requireDone, requireOperator, unlessUnreadable } from './secret-access.ts';
import { SecretStore } from './secret-store.ts';

const pathConnection = new PathIdPipe('connection_id', CONNECTION_ID, false);
const ORDERS = { connection_id: 'connection_id', conn_id: 'connection_id', conn_type: 'conn_type', description: 'description', host: 'host', port: 'port', id: 'connection_id' } as const;

@ApiTags('Connection')
@ApiBearerAuth()
@Controller('api/v2/connections')
export class ConnectionController {
  readonly #store: SecretStore;
  readonly #tests: ConnectionTests;
  constructor(@Inject(SecretStore) store: SecretStore, @Inject(ConnectionTests) tests: ConnectionTests) {
    this.#store = store;
    this.#tests = tests;
  }

  @Get()
  @Operation({ id: 'get_connections', summary: 'Stored connections, without their secrets', answers: ConnectionCollectionResponse, query: ConnectionListQuery })
  async list(@Query(query(ConnectionListQuery)) request: ConnectionListQuery, @Caller() caller: Principal): Promise<ConnectionCollectionResponse> {
    requireOperator(caller);
    const found = (await this.#store.list('Connection')).filter(({ id }) => matchesPattern(id, request.connection_id_pattern));
    const views = found.map(({ id, content }) => (content instanceof KeyRingError ? unreadable(id, content) : view(id, content as ConnectionFields)));
    const [order = { field: 'connection_id' as const, descending: false }] = orderOf(request, ORDERS, [{ field: 'connection_id', descending: false }]);
    const textOf = (row: ConnectionResponse): string => String(row[order.field] ?? '');
    views.sort((a, b) => textOf(a).localeCompare(textOf(b), 'en', { numeric: order.field === 'port' }) * (order.descending ? -1 : 1));
    const { limit, offset } = pageOf(request);
    return { connections: views.slice(offset, offset + limit), total_entries: views.length };
  }

  @Get(':connection_id')
  @Operation({ id: 'get_connection', summary: 'One connection, without its secrets', answers: ConnectionResponse })
  async get(@Param('connection_id', pathConnection) id: string, @Caller() caller: Principal): Promise<ConnectionResponse> {
    requireOperator(caller);
    return this.#view(id);
  }

  @Post()
  @HttpCode(201)
  @Operation({ id: 'post_connection', summary: 'Store a connection', answers: ConnectionResponse, status: 201, body: ConnectionBody })
  async create(@Body(body(ConnectionBody)) request: ConnectionBody, @Caller() caller: Principal): Promise<ConnectionResponse> {
    requireOperator(caller);
    await this.#set(request, caller.username, 'create');
    return this.#view(request.connection_id);
  }

  /** Off unless a site turns it on, as in Airflow. A worker connects, from where tasks would; `***` stands for what is stored, but only where the stored connection leads. */
  @Post('test')
  @HttpCode(200)
  @Operation({ id: 'test_connection', summary: 'Have a worker test a connection, stored or not', answers: ConnectionTestResponse, query: ConnectionTestQuery, body: ConnectionBody })
  async test(@Query(query(ConnectionTestQuery)) { queue = 'default' }: ConnectionTestQuery, @Body(body(ConnectionBody)) request: ConnectionBody, @Caller() caller: Principal): Promise<ConnectionTestResponse> {
    requireOperator(caller);
    const given = fieldsOf(request);
    const stored = (await opened(this.#store.get('Connection', request.connection_id))) as ConnectionFields | null;
    const leadsThere = stored !== null && (stored.host ?? '') === (given.host ?? '') && (stored.port ?? '') === (given.port ?? '');
    const fields = changedFields(leadsThere ? stored : null, given);
    if (isRejected(fields)) throw refused(fields);
    const outcome = await this.#tests.run(taskFields(fields), queue);
    if (outcome === null) throw forbidden('Testing connections is disabled in Dagbook configuration. Contact your deployment admin to enable it (DAGBOOK_CONNECTIONS_TEST=Enabled, and DAGBOOK_SECRETS_KEYS).');
    return outcome;
  }

  @Patch(':connection_id')
  @Operation({ id: 'patch_connection', summary: 'Change a connection; what is given as *** stays', answers: ConnectionResponse, query: SecretPatchQuery, body: ConnectionBody })
  async patch(
    @Param('connection_id', pathConnection) id: string,
    @Query(query(SecretPatchQuery)) { update_mask: mask }: SecretPatchQuery,
    @Body(body(ConnectionBody)) request: ConnectionBody,
    @Caller() caller: Principal,
  ): Promise<ConnectionResponse> {
    requireOperator(caller);
    if (request.connection_id !== id) throw badRequest('The connection_id in the request body does not match the URL parameter');
    await this.#update(request, mask, caller.username);
    return this.#view(id);
  }

  @Delete(':connection_id')
  @HttpCode(204)
  @Operation({ id: 'delete_connection', summary: 'Delete a connection', answers: null, status: 204 })
  async delete(@Param('connection_id', pathConnection) id: string, @Caller() caller: Principal): Promise<void> {
    requireOperator(caller);
    requireDone(await this.#store.delete('Connection', id, caller.username));
  }

  @Patch()
  @Operation({ id: 'bulk_connections', summary: 'Create, change and delete many connections', answers: BulkResponse, body: BulkBody })
  async bulk(@Body(body(BulkBody)) { actions }: BulkBody, @Caller() caller: Principal): Promise<BulkResponse> {
    requireOperator(caller);
    const by = caller.username;
    return carryOut(actions, {
      type: ConnectionBody,
      idOf: (entity) => entity.connection_id,
      exists: async (id) => (await opened(this.#store.get('Connection', id))) !== null,
      create: (entity) => this.#set(entity, by, 'create'),
      overwrite: (entity) => this.#set(entity, by, 'set'),
      update: (entity, mask) => this.#update(entity, mask, by),
      delete: async (id) => requireDone(await this.#store.delete('Connection', id, by)),
    });
  }

  /** Whole, but for what is given as `***` over a connection that is there. */
  async #set(request: ConnectionBody, by: string, mode: 'create' | 'set'): Promise<void> {
    const id = request.connection_id;
    const before = mode === 'set' ? ((await unlessUnreadable(this.#store.get('Connection', id))) as ConnectionFields | null) : null;
    const fields = changedFields(before, fieldsOf(request));
    if (isRejected(fields)) throw refused(fields);
    requireDone(await this.#store.set('Connection', id, fields, { by, mode }));
  }

  async #update(request: ConnectionBody, mask: readonly string[] | undefined, by: string): Promise<void> {
    const { connection_id: id, team_name: _, ...rest } = request;
    // A password of null in a body without a mask says that none was typed; to take one away is to name it.
    const { password, ...others } = maskedFields(rest, mask);
    const given = mask === undefined && password === null ? others : { ...others, ...(password === undefined ? {} : { password }) };
    const change = (content: Json): Json | ReturnType<typeof changedFields> => changedFields(content as ConnectionFields, { ...(content as ConnectionFields), ...given });
    requireDone(await opened(this.#store.change('Connection', id, by, change)));
  }

  async #view(id: string): Promise<ConnectionResponse> {
    const fields = await opened(this.#store.get('Connection', id));
    if (fields === null) throw notFound(`The Connection with connection_id: \`${id}\` was not found`);
    return view(id, fields as ConnectionFields);
  }
}

function fieldsOf({ conn_type, description = null, host = null, login = null, password = null, port = null, schema = null, extra = null }: ConnectionBody): ConnectionFields {
  return { conn_type, description, host, login, password, port, schema, extra };
}

function view(id: string, fields: ConnectionFields): ConnectionResponse {
  const { conn_type: connType, description, host, login, password, port, schema, extra } = shownFields(fields);
  return { connection_id: id, conn_type: connType ?? '', description, host, login, schema, port, password, extra, team_name: null };
}

/** It is listed, so that it can be seen, set again or deleted. */
const unreadable = (id: string, { message }: KeyRingError): ConnectionResponse =>
  ({ connection_id: id, conn_type: '', description: message, host: null, login: null, schema: null, port: null, password: null, extra: null, team_name: null });
