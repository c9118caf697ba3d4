-- Part of the read models (0101): what tasks returned; one row an instance that returned something, gone when it is cleared.
CREATE SCHEMA IF NOT EXISTS rm;

CREATE TABLE rm.xcom_entries (
  run_key bigint NOT NULL,
  task_id text NOT NULL,
  map_index int NOT NULL,
  result json NOT NULL,
  at_ms bigint NOT NULL,
  PRIMARY KEY (run_key, task_id, map_index)
);

-- Of what was folded before there was this table; later events come to it as to any other.
DO $$
BEGIN
  IF to_regclass('rm.dag_runs') IS NULL THEN RETURN; END IF;
  -- U+0000 and half a surrogate pair cannot be taken out of json as text: what holds them is left out, and is folded when the run is cleared and succeeds anew.
  INSERT INTO rm.xcom_entries
  WITH readable AS MATERIALIZED (
    SELECT r.run_key, e.version, e.type, e.data
    FROM rm.dag_runs r JOIN events e ON e.stream_id = 'run-' || r.dag_id || '/' || r.run_id AND e.version <= r.version
    WHERE e.type IN ('TaskSucceeded', 'TaskCleared', 'TaskRestarting', 'TaskRemoved') AND e.data::text !~ '\\u(0000|[dD][89abAB][0-9a-fA-F]{2}|[dD][c-fC-F][0-9a-fA-F]{2})'
  ), newest AS (
    SELECT DISTINCT ON (run_key, data->>'taskId', data->>'mapIndex') run_key, type, data FROM readable ORDER BY run_key, data->>'taskId', data->>'mapIndex', version DESC
  )
  SELECT run_key, data->>'taskId', (data->>'mapIndex')::int, data->'result', (data->>'atMs')::bigint FROM newest WHERE type = 'TaskSucceeded' AND data->'result' IS NOT NULL;
END
$$;
