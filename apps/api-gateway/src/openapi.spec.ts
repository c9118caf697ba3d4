import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { expect, it } from 'vitest';
import { ApiGatewayModule } from './app.module.ts';
import { SignIn } from './auth/sign-in.ts';
import { TokenDesk } from './auth/token-desk.ts';
import { CommandDesk } from './command/command-desk.ts';
import { ResultStore } from './execution/result-store.ts';
import { StoredExecutionApi } from './execution/stored-execution-api.ts';
import { openApiDocument } from './openapi.ts';
import { PoolDirectory } from './pool/pool-directory.ts';
import { Reader } from './reader.ts';
import { RunSweeper } from './run-sweeper.ts';
import { ConnectionTests } from './secret/connection-tests.ts';
import { SecretStore } from './secret/secret-store.ts';
import { ChangeHub } from './stream/change-hub.ts';
import { SystemHealth } from './system-health.ts';
import { StateStore } from '@dagbook/event-store';
import { NeedsOfDags } from './waiting/dag-needs.ts';
import { WorkerWatch } from './worker/worker-watch.ts';
import { BUNDLES, CLOCK, COOKIE_IS_SECURE, LEASES, LOG_READER, STATE_STORE_POLICY, VERSION, WORKER_SECRET } from './token.ts';

const UNUSED = [
  Reader, CommandDesk, ChangeHub, TokenDesk, SignIn, StoredExecutionApi, ResultStore, SecretStore, ConnectionTests, SystemHealth, RunSweeper, PoolDirectory, WorkerWatch, NeedsOfDags, StateStore, BUNDLES, CLOCK, COOKIE_IS_SECURE, LEASES, LOG_READER, STATE_STORE_POLICY, VERSION, WORKER_SECRET,
].map((provide) => ({ provide, useValue: '' }));

/** Rewrite the file with `npx vitest run --project unit apps/api-gateway/src/openapi.spec.ts -u`. */
it('the checked-in contract is what the controllers declare', async () => {
  const app = await NestFactory.create<NestFastifyApplication>(ApiGatewayModule.with(UNUSED), new FastifyAdapter(), { logger: false, abortOnError: false });
  await expect(`${JSON.stringify(openApiDocument(app, '0.1.0'), null, 2)}\n`).toMatchFileSnapshot('../openapi.json');
});
