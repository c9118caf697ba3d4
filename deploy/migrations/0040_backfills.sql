-- Part of the read models (0101): the backfills of each DAG.
CREATE SCHEMA IF NOT EXISTS rm;

CREATE TABLE rm.backfills (
  -- Feed position of its first event: the id that clients see.
  backfill_key bigint PRIMARY KEY,
  dag_id text NOT NULL,
  backfill_id text NOT NULL,
  version bigint NOT NULL,
  state text NOT NULL,
  is_paused boolean NOT NULL,
  from_ms bigint NOT NULL,
  to_ms bigint NOT NULL,
  reprocess_behavior text NOT NULL,
  run_backwards boolean NOT NULL,
  max_active_runs int NOT NULL,
  run_on_latest_version boolean NOT NULL,
  conf json NOT NULL,
  created_by text NOT NULL,
  -- How many dates it covers, and what became of those that were handled.
  dates int NOT NULL,
  created_runs int NOT NULL,
  reprocessed_runs int NOT NULL,
  skipped_dates int NOT NULL,
  created_at_ms bigint NOT NULL,
  completed_at_ms bigint,
  updated_at_ms bigint NOT NULL,
  UNIQUE (dag_id, backfill_id)
) WITH (fillfactor = 70);
