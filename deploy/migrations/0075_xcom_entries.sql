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
  INSERT INTO rm.xcom_entries
  SELECT e.run_key, e.data->>'taskId', (e.data->>'mapIndex')::int, e.data->'result', (e.data->>'atMs')::bigint
  FROM (
    SELECT DISTINCT ON (r.run_key, e.data->>'taskId', e.data->>'mapIndex') r.run_key, e.type, e.data
    FROM rm.dag_runs r JOIN events e ON e.stream_id = 'run-' || r.dag_id || '/' || r.run_id AND e.version <= r.version
    WHERE e.type IN ('TaskSucceeded', 'TaskCleared', 'TaskRestarting', 'TaskRemoved')
    ORDER BY r.run_key, e.data->>'taskId', e.data->>'mapIndex', e.version DESC
  ) e
  WHERE e.type = 'TaskSucceeded' AND e.data->'result' IS NOT NULL;
END
$$;
