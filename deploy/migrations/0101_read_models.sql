-- The read models: what every query reads. All of it can be dropped and folded again from `events`, so nothing here is
-- a source of truth. Instants are epoch milliseconds. Task states are one character, the same as in a run's strip
-- (libs/read-models/src/state-code.ts). Rows of active runs change often: fillfactor leaves room for HOT updates, and
-- no index names a column that a running task changes.
CREATE SCHEMA IF NOT EXISTS rm;

CREATE TABLE rm.dags (
  dag_id text PRIMARY KEY,
  version bigint NOT NULL,
  display_name text NOT NULL,
  is_paused boolean NOT NULL,
  is_stale boolean NOT NULL,
  file text NOT NULL,
  owner text,
  tags text[] NOT NULL,
  schedule text,
  schedule_kind text NOT NULL,
  dag_version int NOT NULL,
  plan_hash text NOT NULL,
  bundle_hash text NOT NULL,
  max_active_runs int NOT NULL,
  max_active_tasks int NOT NULL,
  last_scheduled_start_ms bigint,
  last_scheduled_end_ms bigint,
  last_scheduled_run_after_ms bigint,
  parsed_at_ms bigint NOT NULL,
  queued_runs int NOT NULL,
  running_runs int NOT NULL,
  success_runs int NOT NULL,
  failed_runs int NOT NULL,
  updated_at_ms bigint NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE rm.dag_versions (
  dag_id text NOT NULL,
  dag_version int NOT NULL,
  plan_hash text NOT NULL,
  bundle_hash text NOT NULL,
  file text NOT NULL,
  created_at_ms bigint NOT NULL,
  PRIMARY KEY (dag_id, dag_version)
);

CREATE TABLE rm.dag_runs (
  -- Feed position of the run's first event: grows with time, the same in every rebuild.
  run_key bigint PRIMARY KEY,
  dag_id text NOT NULL,
  run_id text NOT NULL,
  version bigint NOT NULL,
  state text NOT NULL,
  run_type text NOT NULL,
  triggered_by text NOT NULL,
  triggering_user text,
  logical_date_ms bigint,
  interval_start_ms bigint,
  interval_end_ms bigint,
  run_after_ms bigint NOT NULL,
  queued_at_ms bigint NOT NULL,
  started_at_ms bigint,
  ended_at_ms bigint,
  failure_reason text,
  -- json, not jsonb: whatever text JSON allows may stand in it, U+0000 too.
  conf json NOT NULL,
  note text,
  partition_key text,
  plan_hash text NOT NULL,
  dag_version int NOT NULL,
  bundle_hash text NOT NULL,
  -- One character a task, in the plan's topological order; a mapped task shows its worst state.
  states text NOT NULL,
  -- Of expanded tasks: {task id: {state: instances}}.
  mapped jsonb NOT NULL,
  -- {state: task instances} of the whole run.
  counts jsonb NOT NULL,
  updated_at_ms bigint NOT NULL,
  UNIQUE (dag_id, run_id)
) WITH (fillfactor = 60);
CREATE INDEX dag_runs_newest ON rm.dag_runs (dag_id, run_after_ms DESC, run_key DESC);
CREATE INDEX dag_runs_state ON rm.dag_runs (state, run_key DESC);

CREATE TABLE rm.task_instances (
  run_key bigint NOT NULL,
  task_id text NOT NULL,
  map_index int NOT NULL,
  state text NOT NULL,
  try_number int NOT NULL,
  max_tries int NOT NULL,
  epoch bigint NOT NULL,
  scheduled_at_ms bigint,
  queued_at_ms bigint,
  started_at_ms bigint,
  ended_at_ms bigint,
  next_at_ms bigint,
  worker text,
  pid int,
  reason jsonb,
  note text,
  rendered_map_index text,
  PRIMARY KEY (run_key, task_id, map_index)
) WITH (fillfactor = 60);

-- Earlier tries; the current one stands in task_instances.
CREATE TABLE rm.task_tries (
  run_key bigint NOT NULL,
  task_id text NOT NULL,
  map_index int NOT NULL,
  try_number int NOT NULL,
  state text NOT NULL,
  max_tries int NOT NULL,
  epoch bigint NOT NULL,
  scheduled_at_ms bigint,
  queued_at_ms bigint,
  started_at_ms bigint,
  ended_at_ms bigint,
  worker text,
  pid int,
  reason jsonb,
  PRIMARY KEY (run_key, task_id, map_index, try_number)
);

CREATE TABLE rm.import_errors (
  file text PRIMARY KEY,
  version bigint NOT NULL,
  -- Feed position of the failure; null once the file has recovered.
  error_key bigint,
  code text,
  message text,
  line int,
  "column" int,
  stack text,
  at_ms bigint NOT NULL
);
CREATE INDEX import_errors_open ON rm.import_errors (error_key) WHERE error_key IS NOT NULL;

-- A stream whose next event was not `version + 1`: it is shown as it stood, and a person must look.
CREATE TABLE rm.stopped_streams (
  stream_id text PRIMARY KEY,
  expected bigint NOT NULL,
  found bigint NOT NULL,
  at_ms bigint NOT NULL
);

-- What each committed batch changed, for the live streams of every gateway; only the last minutes are kept.
CREATE SCHEMA IF NOT EXISTS gateway;
CREATE UNLOGGED TABLE gateway.changes (
  xid bigint NOT NULL,
  pos bigint NOT NULL,
  change jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (xid, pos)
);
CREATE TABLE gateway.revoked_tokens (
  jti text PRIMARY KEY,
  expires_at timestamptz NOT NULL
);
