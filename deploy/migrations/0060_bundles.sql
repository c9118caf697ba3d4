-- Where DAG files come from, and how the last look at each source went. Configuration's shadow, not history.
CREATE TABLE bundles (
  name         text COLLATE "C" PRIMARY KEY,
  kind         text NOT NULL,
  location     text NOT NULL,
  ref          text,
  version      text,
  synced_at_ms bigint,
  checked_at_ms bigint,
  problem      text,
  syncs_asked  int NOT NULL DEFAULT 0
);
