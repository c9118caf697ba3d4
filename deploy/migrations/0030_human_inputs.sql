-- Part of the read models (0101): what tasks ask of people, and the answers; one row a try, kept as its history.
CREATE SCHEMA IF NOT EXISTS rm;

CREATE TABLE rm.human_inputs (
  run_key bigint NOT NULL,
  task_id text NOT NULL,
  map_index int NOT NULL,
  try_number int NOT NULL,
  request json NOT NULL,
  created_at_ms bigint NOT NULL,
  responded_at_ms bigint,
  chosen_options json,
  params_input json,
  responded_by json,
  PRIMARY KEY (run_key, task_id, map_index, try_number)
);

-- What people are still to answer is a small part of what they were ever asked.
CREATE INDEX human_inputs_open ON rm.human_inputs (created_at_ms) WHERE responded_at_ms IS NULL;
