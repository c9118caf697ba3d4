-- Part of the read models (0101): XComs under other keys than that of results, which people set; gone when the task instance is cleared.
CREATE SCHEMA IF NOT EXISTS rm;

CREATE TABLE rm.set_xcoms (
  run_key bigint NOT NULL,
  task_id text NOT NULL,
  map_index int NOT NULL,
  key text NOT NULL,
  result json NOT NULL,
  at_ms bigint NOT NULL,
  PRIMARY KEY (run_key, task_id, map_index, key)
);
