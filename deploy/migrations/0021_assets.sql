-- Part of the read models (0101): assets, their events, who reads and writes them, and what waits for the DAGs that they schedule.
CREATE SCHEMA IF NOT EXISTS rm;

CREATE TABLE rm.assets (
  -- In the order in which the feed first names them: the id that clients see.
  asset_id int PRIMARY KEY,
  uri text NOT NULL UNIQUE,
  created_at_ms bigint NOT NULL,
  updated_at_ms bigint NOT NULL,
  last_event_key bigint,
  last_event_at_ms bigint
);

CREATE TABLE rm.asset_aliases (
  alias_id int PRIMARY KEY,
  name text NOT NULL UNIQUE
);

-- Assets that were updated through an alias.
CREATE TABLE rm.asset_alias_assets (
  alias_id int NOT NULL,
  asset_id int NOT NULL,
  PRIMARY KEY (alias_id, asset_id)
);
CREATE INDEX asset_alias_assets_asset ON rm.asset_alias_assets (asset_id);

-- Which assets the newest version of each DAG names: its schedule (task_id ''), its tasks' inlets and outlets.
CREATE TABLE rm.asset_references (
  dag_id text NOT NULL,
  task_id text NOT NULL,
  kind text NOT NULL,
  asset_id int NOT NULL,
  created_at_ms bigint NOT NULL,
  updated_at_ms bigint NOT NULL,
  PRIMARY KEY (dag_id, task_id, kind, asset_id)
);
CREATE INDEX asset_references_asset ON rm.asset_references (asset_id);

CREATE TABLE rm.asset_events (
  -- Its place in the feed.
  event_key bigint PRIMARY KEY,
  asset_id int NOT NULL,
  extra json NOT NULL,
  partition_key text,
  source_dag_id text,
  source_run_id text,
  source_task_id text,
  source_map_index int NOT NULL,
  recorded_by text,
  at_ms bigint NOT NULL
);
CREATE INDEX asset_events_asset ON rm.asset_events (asset_id, event_key);
CREATE INDEX asset_events_source ON rm.asset_events (source_dag_id, source_run_id);

CREATE TABLE rm.asset_event_runs (
  event_key bigint NOT NULL,
  dag_id text NOT NULL,
  run_id text NOT NULL,
  PRIMARY KEY (event_key, dag_id, run_id)
);
CREATE INDEX asset_event_runs_run ON rm.asset_event_runs (dag_id, run_id);

-- The queue of each DAG that assets schedule, as the domain folds it, and what waits in it.
CREATE TABLE rm.asset_queues (
  dag_id text PRIMARY KEY,
  state json NOT NULL
);

CREATE TABLE rm.asset_queued_events (
  dag_id text NOT NULL,
  event_key bigint NOT NULL,
  asset_id int NOT NULL,
  at_ms bigint NOT NULL,
  update json NOT NULL,
  PRIMARY KEY (dag_id, event_key)
);
CREATE INDEX asset_queued_events_asset ON rm.asset_queued_events (asset_id);
