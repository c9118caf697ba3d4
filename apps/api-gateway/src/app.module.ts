import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { AssetController } from './asset/asset.controller.ts';
import { QueuedEventController } from './asset/queued-event.controller.ts';
import { AuthController } from './auth/auth.controller.ts';
import { BackfillController } from './backfill.controller.ts';
import { BundleController } from './bundle.controller.ts';
import { DagController } from './dag.controller.ts';
import { ConnectionController } from './secret/connection.controller.ts';
import { SecretController } from './secret/secret.controller.ts';
import { VariableController } from './secret/variable.controller.ts';
import { ExecutionController } from './execution/execution.controller.ts';
import { CallbackController } from './callback.controller.ts';
import { HumanInputController } from './human-input.controller.ts';
import { PoolController } from './pool/pool.controller.ts';
import { WatcherController } from './watcher.controller.ts';
import { LogController } from './log.controller.ts';
import { RetentionController } from './retention.controller.ts';
import { RunController } from './run.controller.ts';
import { AssetStateController } from './state/asset-state.controller.ts';
import { ExpiredStateController } from './state/expired-state.controller.ts';
import { TaskStateController } from './state/task-state.controller.ts';
import { StreamController } from './stream/stream.controller.ts';
import { SystemController } from './system.controller.ts';
import { TaskInstanceChangeController } from './task-instance-change.controller.ts';
import { DagWarningController } from './waiting/dag-warning.controller.ts';
import { WorkerController } from './worker/worker.controller.ts';
import { TaskInstanceController } from './task-instance.controller.ts';
import { XComController } from './xcom.controller.ts';

/** Wiring only: everything the controllers need is made by `startApiGateway` and handed in. */
@Module({})
export class ApiGatewayModule {
  static with(providers: Provider[]): DynamicModule {
    return {
      module: ApiGatewayModule,
      providers,
      controllers: [AuthController, SystemController, DagController, RunController, TaskInstanceController, TaskInstanceChangeController, BackfillController, CallbackController, WatcherController, HumanInputController, BundleController, RetentionController, LogController, StreamController, ExecutionController, ConnectionController, VariableController, SecretController, PoolController, WorkerController, DagWarningController, XComController, AssetController, QueuedEventController, TaskStateController, AssetStateController, ExpiredStateController],
    };
  }
}
