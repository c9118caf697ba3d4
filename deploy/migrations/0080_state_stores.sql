-- What tasks keep for their next try, and what is kept of an asset (docs/adr/0051-state-stores.md). Working memory, not history: only
-- the newest value stands.
CREATE TABLE task_states (
  dag_id        text COLLATE "C" NOT NULL,
  run_id        text COLLATE "C" NOT NULL,
  task_id       text COLLATE "C" NOT NULL,
  map_index     int NOT NULL,
  key           text COLLATE "C" NOT NULL,
  value         json NOT NULL,
  updated_at_ms bigint NOT NULL,
  -- NULL: until it is deleted.
  expires_at_ms bigint,
  -- The try whose success takes it away, where the site clears on success.
  clears_with_try int NOT NULL,
  PRIMARY KEY (dag_id, run_id, task_id, map_index, key)
);
CREATE INDEX task_states_expiring ON task_states (expires_at_ms) WHERE expires_at_ms IS NOT NULL;

CREATE TABLE asset_states (
  -- Of the URI, in hexadecimal: a URI and a key may be longer together than a page of an index allows.
  uri_sha256    text COLLATE "C" NOT NULL,
  key           text COLLATE "C" NOT NULL,
  uri           text NOT NULL,
  value         json NOT NULL,
  updated_at_ms bigint NOT NULL,
  -- A StateWriter.
  written_by    json NOT NULL,
  PRIMARY KEY (uri_sha256, key)
);
