import { DEFAULT_POOL, type Pool, type TaskState } from '@dagbook/domain';
import type { Occupancy, PlanCache } from '@dagbook/read-models';
import type { PoolResponse } from '../dto/pool.ts';

type Slots = { [state in TaskState]?: number };

/** Slots of each pool by the state of who holds or wants them. */
export async function slotsOf(plans: PlanCache, rows: readonly Occupancy[]): Promise<ReadonlyMap<string, Slots>> {
  const slots = new Map<string, Slots>();
  for (const { planHash, taskId, state, instances } of rows) {
    const plan = await plans.get(planHash);
    const { name, slots: each } = plan.tasks[plan.indexOf.get(taskId) ?? -1]?.pool ?? { name: DEFAULT_POOL, slots: 1 };
    const of = slots.get(name) ?? {};
    of[state] = (of[state] ?? 0) + instances * each;
    slots.set(name, of);
  }
  return slots;
}

export function poolView(name: string, pool: Pool, { running = 0, restarting = 0, queued = 0, scheduled = 0, deferred = 0 }: Slots): PoolResponse {
  const occupied = running + restarting + queued + (pool.includeDeferred ? deferred : 0);
  return {
    name,
    slots: pool.slots,
    description: pool.description,
    include_deferred: pool.includeDeferred,
    team_name: null,
    occupied_slots: occupied,
    running_slots: running + restarting,
    queued_slots: queued,
    scheduled_slots: scheduled,
    open_slots: pool.slots === -1 ? -1 : Math.max(0, pool.slots - occupied),
    deferred_slots: deferred,
  };
}
