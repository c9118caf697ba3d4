import { Controller, Get, HttpCode, Inject, Param, Post, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { CALLBACK_TASK, DISPATCHER } from '@dagbook/contracts';
import type { Lease } from '@dagbook/event-store';
import { occupancy } from '@dagbook/read-models';
import type { FastifyReply } from 'fastify';
import { Caller } from '../auth/auth.guard.ts';
import type { Principal } from '../auth/token-desk.ts';
import { answer } from '../command/answer.ts';
import { CommandDesk } from '../command/command-desk.ts';
import type { AcceptedResponse } from '../dto/response.ts';
import { QueueCollectionResponse, WorkerCollectionResponse, WorkerResponse } from '../dto/worker.ts';
import { PathIdPipe } from '../error/request.pipe.ts';
import { Operation } from '../operation.ts';
import { Reader } from '../reader.ts';
import { LEASES } from '../token.ts';
import { instantOrNull } from '../view/instant.ts';
import { NeedsOfDags } from '../waiting/dag-needs.ts';
import { type SeenWorker, WorkerWatch } from './worker-watch.ts';

const pathWorker = new PathIdPipe('worker_name', /^[^\u0000-\u001f\u007f/\p{Surrogate}]{1,256}$/u, false);

/** Workers and the queues that they serve. */
@ApiTags('Worker')
@ApiBearerAuth()
@Controller('api/v2')
export class WorkerController {
  constructor(
    @Inject(WorkerWatch) private readonly watch: WorkerWatch,
    @Inject(LEASES) private readonly leases: { list(): Promise<readonly Lease[]> },
    @Inject(NeedsOfDags) private readonly needs: NeedsOfDags,
    @Inject(Reader) private readonly reader: Reader,
    @Inject(CommandDesk) private readonly commands: CommandDesk,
  ) {}

  @Get('workers')
  @Operation({ id: 'get_workers', summary: 'Workers, what they serve and how full they are', answers: WorkerCollectionResponse })
  async list(): Promise<WorkerCollectionResponse> {
    const workers = await this.#views();
    return { workers, total_entries: workers.length };
  }

  @Post('workers/:worker_name/drain')
  @HttpCode(200)
  @Operation({ id: 'drain_worker', summary: 'Let a worker finish what it runs and give it nothing more, until it is undrained', answers: WorkerResponse, isCommand: true })
  drain(@Param('worker_name', pathWorker) name: string, @Caller() caller: Principal, @Res({ passthrough: true }) reply: FastifyReply): Promise<WorkerResponse | AcceptedResponse> {
    return this.#declare(name, true, caller, reply);
  }

  @Post('workers/:worker_name/undrain')
  @HttpCode(200)
  @Operation({ id: 'undrain_worker', summary: 'Give a drained worker attempts again', answers: WorkerResponse, isCommand: true })
  undrain(@Param('worker_name', pathWorker) name: string, @Caller() caller: Principal, @Res({ passthrough: true }) reply: FastifyReply): Promise<WorkerResponse | AcceptedResponse> {
    return this.#declare(name, false, caller, reply);
  }

  @Get('queues')
  @Operation({ id: 'get_queues', summary: 'Queues that a worker serves or a DAG names, who serves them and what waits', answers: QueueCollectionResponse })
  async queues(): Promise<QueueCollectionResponse> {
    const [workers, leases, needs, waiting] = await Promise.all([this.watch.all(), this.leases.list(), this.needs.all(), this.#waiting()]);
    const names = new Set([...workers.flatMap(({ said }) => said?.queues ?? []), ...needs.flatMap(({ queues }) => queues), ...leases.map(({ queue }) => queue)]);
    const queues = [...names].sort().map((queue) => {
      const servers = workers.filter(({ state, said }) => state !== 'unreachable' && said?.queues.includes(queue) === true);
      return {
        queue,
        workers: servers.map(({ name }) => name),
        slots: servers.reduce((sum, { state, said }) => sum + (state === 'active' ? (said?.slots ?? 0) : 0), 0),
        running: leases.filter((lease) => lease.queue === queue && lease.poolSlots > 0).length,
        waiting: waiting.get(queue) ?? 0,
        dags: needs.filter((dag) => dag.queues.includes(queue)).length,
      };
    });
    return { queues, total_entries: queues.length };
  }

  async #declare(worker: string, drained: boolean, { username }: Principal, reply: FastifyReply): Promise<WorkerResponse | AcceptedResponse> {
    return answer(reply, await this.commands.submit(DISPATCHER, { type: 'SetWorkerDrained', worker, drained, user: username }), async () => {
      const found = (await this.#views()).find(({ worker_name: name }) => name === worker);
      return found ?? workerView({ name: worker, state: 'offline', said: null, heardAtMs: null, drainedBy: null }, []);
    });
  }

  async #views(): Promise<WorkerResponse[]> {
    const [workers, leases] = await Promise.all([this.watch.all(), this.leases.list()]);
    return workers.map((worker) => workerView(worker, leases.filter((lease) => lease.worker === worker.name)));
  }

  /** Ready task instances by queue. */
  async #waiting(): Promise<ReadonlyMap<string, number>> {
    const waiting = new Map<string, number>();
    for (const { planHash, taskId, state, instances } of await occupancy(this.reader.db)) {
      if (state !== 'scheduled') continue;
      const plan = await this.reader.plans.get(planHash);
      const queue = plan.tasks[plan.indexOf.get(taskId) ?? -1]?.queue ?? 'default';
      waiting.set(queue, (waiting.get(queue) ?? 0) + instances);
    }
    return waiting;
  }
}

function workerView({ name, state, said, heardAtMs, drainedBy }: SeenWorker, leases: readonly Lease[]): WorkerResponse {
  return {
    worker_name: name,
    state,
    drained_by: drainedBy,
    hostname: said?.hostname ?? null,
    version: said?.version ?? null,
    queues: said?.queues ?? [],
    slots: said?.slots ?? 0,
    running: leases.filter(({ poolSlots }) => poolSlots > 0).length,
    callbacks: leases.filter(({ taskId }) => taskId === CALLBACK_TASK).length,
    deferred: leases.filter(({ poolSlots, taskId }) => poolSlots === 0 && taskId !== CALLBACK_TASK).length,
    last_heard: instantOrNull(heardAtMs),
  };
}
