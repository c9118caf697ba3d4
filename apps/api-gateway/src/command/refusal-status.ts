/** The one place that knows which HTTP status a refusal of the domain is. What is not named here conflicts with a state. */
const STATUS: Readonly<Record<string, number>> = {
  backfill_not_found: 404,
  invalid_asset_event: 422,
  backfill_too_large: 422,
  invalid_backfill_date: 422,
  invalid_backfill_direction: 422,
  invalid_max_active_runs: 422,
  invalid_reprocess_behavior: 422,
  dag_not_found: 404,
  run_not_found: 404,
  unknown_run: 404,
  unknown_task: 404,
  unknown_task_instance: 404,
  invalid_option: 422,
  invalid_params_input: 422,
  not_assigned: 403,
  pool_not_found: 404,
  worker_not_found: 404,
  default_pool: 400,
  invalid_pool: 422,
  invalid_name: 422,
  conf_too_deep: 400,
  conf_too_large: 400,
  invalid_conf: 400,
  invalid_data_interval: 400,
  invalid_param: 400,
  invalid_run_id: 400,
  // The scheduler met a bug of its own; its log tells more.
  internal: 500,
};

export const refusalStatus = (code: string): number => (Object.hasOwn(STATUS, code) ? (STATUS[code] as number) : 409);
