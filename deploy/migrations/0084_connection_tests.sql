-- Tests of connections that a worker is to carry out: a row while one is under way, its connection sealed. Nothing that is kept.
CREATE TABLE connection_tests (
  test_id text PRIMARY KEY,
  queue text NOT NULL,
  sealed text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  taken_by text,
  passed boolean,
  message text
);
