import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { DISPATCHER, type DispatcherCommand } from '@dagbook/contracts';
import { occupancy } from '@dagbook/read-models';
import type { FastifyReply } from 'fastify';
import { Caller } from '../auth/auth.guard.ts';
import type { Principal } from '../auth/token-desk.ts';
import { answer } from '../command/answer.ts';
import { CommandDesk, type Submitted } from '../command/command-desk.ts';
import { POOL_NAME, PoolBody, PoolCollectionResponse, PoolListQuery, PoolPatchBody, PoolPatchQuery, PoolResponse } from '../dto/pool.ts';
import { orderOf, pageOf } from '../dto/request.ts';
import type { AcceptedResponse } from '../dto/response.ts';
import { BulkBody, BulkResponse } from '../dto/secret.ts';
import { ApiError, badRequest, notFound } from '../error/api-error.ts';
import { body, PathIdPipe, query } from '../error/request.pipe.ts';
import { Operation } from '../operation.ts';
import { Reader } from '../reader.ts';
import { carryOut } from '../secret/bulk.ts';
import { maskedFields, matchesPattern } from '../secret/secret-access.ts';
import { PoolDirectory } from './pool-directory.ts';
import { poolView, slotsOf } from './pool-view.ts';

const pathPool = new PathIdPipe('pool_name', POOL_NAME, false);
const ORDERS = { id: 'name', pool: 'name', name: 'name' } as const;
const BY_NAME = [{ field: 'name', descending: false }] as const;

/** Pools: what is declared, and how full they are. A change is decided by the dispatcher that grants their slots. */
@ApiTags('Pool')
@ApiBearerAuth()
@Controller('api/v2/pools')
export class PoolController {
  readonly #reader: Reader;
  readonly #pools: PoolDirectory;
  readonly #commands: CommandDesk;
  constructor(@Inject(Reader) reader: Reader, @Inject(PoolDirectory) pools: PoolDirectory, @Inject(CommandDesk) commands: CommandDesk) {
    this.#reader = reader;
    this.#pools = pools;
    this.#commands = commands;
  }

  @Get()
  @Operation({ id: 'get_pools', summary: 'Pools and how full they are', answers: PoolCollectionResponse, query: PoolListQuery })
  async list(@Query(query(PoolListQuery)) request: PoolListQuery): Promise<PoolCollectionResponse> {
    const found = (await this.#views()).filter(({ name }) => matchesPattern(name, request.pool_name_pattern));
    if (orderOf(request, ORDERS, BY_NAME)[0]?.descending === true) found.reverse();
    const { limit, offset } = pageOf(request);
    return { pools: found.slice(offset, offset + limit), total_entries: found.length };
  }

  @Get(':pool_name')
  @Operation({ id: 'get_pool', summary: 'One pool and how full it is', answers: PoolResponse })
  async get(@Param('pool_name', pathPool) name: string): Promise<PoolResponse> {
    return this.#view(name);
  }

  @Post()
  @HttpCode(201)
  @Operation({ id: 'post_pool', summary: 'Declare a pool', answers: PoolResponse, status: 201, body: PoolBody, isCommand: true })
  async create(@Body(body(PoolBody)) request: PoolBody, @Caller() caller: Principal, @Res({ passthrough: true }) reply: FastifyReply): Promise<PoolResponse | AcceptedResponse> {
    return answer(reply, await this.#set(request, 'create', caller), () => this.#view(request.name));
  }

  @Patch(':pool_name')
  @Operation({ id: 'patch_pool', summary: 'Change a pool', answers: PoolResponse, query: PoolPatchQuery, body: PoolPatchBody, isCommand: true })
  async patch(
    @Param('pool_name', pathPool) name: string,
    @Query(query(PoolPatchQuery)) { update_mask: mask }: PoolPatchQuery,
    @Body(body(PoolPatchBody)) request: PoolPatchBody,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PoolResponse | AcceptedResponse> {
    const { pool, ...fields } = request;
    if (pool !== undefined && pool !== null && pool !== name) throw badRequest('Invalid body, pool name from request body doesn\'t match uri parameter');
    return answer(reply, await this.#change(name, fields, mask, caller), () => this.#view(name));
  }

  @Delete(':pool_name')
  @HttpCode(204)
  @Operation({ id: 'delete_pool', summary: 'Delete a pool; what names it waits until it is there again', answers: null, status: 204, isCommand: true })
  async delete(@Param('pool_name', pathPool) name: string, @Caller() caller: Principal, @Res({ passthrough: true }) reply: FastifyReply): Promise<AcceptedResponse | undefined> {
    return answer(reply, await this.#submit({ type: 'DeletePool', pool: name, user: caller.username }), () => Promise.resolve(undefined));
  }

  @Patch()
  @Operation({ id: 'bulk_pools', summary: 'Declare, change and delete many pools', answers: BulkResponse, body: BulkBody })
  async bulk(@Body(body(BulkBody)) { actions }: BulkBody, @Caller() caller: Principal): Promise<BulkResponse> {
    return carryOut(actions, {
      type: PoolBody,
      idPattern: POOL_NAME,
      isAtOnce: true,
      idOf: (entity) => entity.name,
      exists: async (id) => (await this.#pools.all()).has(id),
      create: async (entity) => requireOutcome(await this.#set(entity, 'create', caller)),
      overwrite: async (entity) => requireOutcome(await this.#set(entity, 'set', caller)),
      update: async ({ name, ...fields }, mask) => requireOutcome(await this.#change(name, fields, mask, caller)),
      delete: async (id) => requireOutcome(await this.#submit({ type: 'DeletePool', pool: id, user: caller.username })),
    });
  }

  #set({ name, slots, description, include_deferred: includeDeferred }: PoolBody, mode: 'create' | 'set', { username }: Principal): Promise<Submitted> {
    return this.#submit({ type: 'SetPool', pool: name, mode, slots, description: description ?? null, includeDeferred: includeDeferred ?? false, user: username });
  }

  #change(name: string, fields: Omit<PoolPatchBody, 'pool'>, mask: readonly string[] | undefined, { username }: Principal): Promise<Submitted> {
    const { slots, description, include_deferred: includeDeferred } = maskedFields(fields, mask);
    return this.#submit({
      type: 'SetPool', pool: name, mode: 'change',
      ...(slots === undefined || slots === null ? {} : { slots }),
      ...(description === undefined ? {} : { description }),
      ...(includeDeferred === undefined || includeDeferred === null ? {} : { includeDeferred }),
      user: username,
    });
  }

  #submit(command: DispatcherCommand): Promise<Submitted> {
    return this.#commands.submit(DISPATCHER, command);
  }

  async #views(): Promise<PoolResponse[]> {
    const [pools, slots] = await Promise.all([this.#pools.all(), occupancy(this.#reader.db).then((rows) => slotsOf(this.#reader.plans, rows))]);
    return [...pools].map(([name, pool]) => poolView(name, pool, slots.get(name) ?? {}));
  }

  async #view(name: string): Promise<PoolResponse> {
    const found = (await this.#views()).find((pool) => pool.name === name);
    if (found === undefined) throw notFound(`The Pool with name: \`${name}\` was not found`);
    return found;
  }
}

/** Of many, each must be told from those that are done. */
function requireOutcome(submitted: Submitted): void {
  if (submitted.kind === 'accepted') throw new ApiError(503, `It is stored and has no outcome yet, since no dispatcher has decided it (command ${submitted.commandId}); it will be carried out`);
}
