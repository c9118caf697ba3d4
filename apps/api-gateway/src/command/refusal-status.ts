/** The one place that knows which HTTP status a refusal of the domain is. What is not named here conflicts with a state. */
const STATUS: Readonly<Record<string, number>> = {
  dag_not_found: 404,
  run_not_found: 404,
  unknown_run: 404,
  unknown_task: 404,
  unknown_task_instance: 404,
  bad_input: 422,
  bad_conf: 422,
  bad_params: 422,
  bad_run_id: 422,
  bad_interval: 422,
  bad_logical_date: 422,
  invalid_conf: 422,
  invalid_params: 422,
  invalid_run_id: 422,
};

export const refusalStatus = (code: string): number => STATUS[code] ?? 409;
