-- The journal. See docs/adr/0002-event-table.md for the measurements behind its shape.

CREATE SEQUENCE events_pos AS bigint;

CREATE TABLE events (
  stream_id      text COLLATE "C" NOT NULL,
  version        bigint NOT NULL,
  -- The feed's order is (xid, pos): a reader that stays below the oldest running transaction skips nothing.
  xid            xid8 NOT NULL DEFAULT pg_current_xact_id(),
  pos            bigint NOT NULL DEFAULT nextval('events_pos'),
  event_id       uuid NOT NULL,
  stored_at_ms   bigint NOT NULL,
  schema_version smallint NOT NULL,
  type           text COLLATE "C" NOT NULL,
  -- json, not jsonb: it is never searched by content, and keeps the text as it was written.
  data           json NOT NULL,
  meta           json,
  CONSTRAINT events_pkey PRIMARY KEY (stream_id, version)
) WITH (fillfactor = 100, autovacuum_vacuum_insert_scale_factor = 0.05);
ALTER SEQUENCE events_pos OWNED BY events.pos;

CREATE UNIQUE INDEX events_feed ON events (xid, pos);

CREATE TABLE snapshots (
  stream_id   text COLLATE "C" PRIMARY KEY,
  version     bigint NOT NULL,
  fingerprint text NOT NULL,
  state       json NOT NULL
);

CREATE TABLE contents (
  kind    text COLLATE "C" NOT NULL,
  key     text COLLATE "C" NOT NULL,
  content bytea NOT NULL,
  PRIMARY KEY (kind, key)
);

CREATE TABLE commands (
  command_id   text COLLATE "C" PRIMARY KEY,
  dag_id       text COLLATE "C" NOT NULL,
  partition    smallint NOT NULL,
  body         json NOT NULL,
  stored_at_ms bigint NOT NULL,
  seq          bigint GENERATED ALWAYS AS IDENTITY,
  outcome      json
);
CREATE INDEX commands_pending ON commands (partition, seq) WHERE outcome IS NULL;

-- One row a live attempt: the only authority on who runs what.
CREATE TABLE attempt_leases (
  attempt_id    text COLLATE "C" PRIMARY KEY,
  epoch         bigint NOT NULL,
  worker        text NOT NULL,
  incarnation   text NOT NULL,
  dag_id        text NOT NULL,
  run_id        text NOT NULL,
  task_id       text NOT NULL,
  queue         text NOT NULL,
  pool          text NOT NULL,
  pool_slots    int NOT NULL,
  lost_after_ms bigint NOT NULL,
  lease_until   timestamptz NOT NULL
-- Rows live for seconds: renewals stay on their page, and vacuum follows the turnover rather than the size.
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_analyze_scale_factor = 10);

CREATE TABLE open_runs (
  dag_id text COLLATE "C" NOT NULL,
  run_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (dag_id, run_id)
);

CREATE TABLE projection_checkpoints (
  name          text COLLATE "C" PRIMARY KEY,
  xid           xid8 NOT NULL,
  pos           bigint NOT NULL,
  updated_at_ms bigint NOT NULL
);

-- How often a consumer has failed on a message: after the last try it goes to the dead letters.
CREATE TABLE message_attempts (
  consumer    text COLLATE "C" NOT NULL,
  message_id  text COLLATE "C" NOT NULL,
  tries       int NOT NULL,
  last_error  text NOT NULL,
  last_try_ms bigint NOT NULL,
  PRIMARY KEY (consumer, message_id)
);

CREATE TABLE dead_letters (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic        text NOT NULL,
  consumer     text NOT NULL,
  message_id   text NOT NULL,
  reason       text NOT NULL,
  payload      bytea NOT NULL,
  stored_at_ms bigint NOT NULL
);

CREATE FUNCTION clock_ms() RETURNS bigint LANGUAGE sql VOLATILE PARALLEL SAFE
  RETURN (extract(epoch FROM clock_timestamp()) * 1000)::bigint;

-- Appends one batch, whole or not at all, in one round trip. Lists travel as one text each, parted by U+001F, which
-- JSON text and ids never hold: it is split by memchr, where an array literal would be escaped and parsed.
-- Raises DB001 when a lease is not as fenced, DB002 when a stream does not stand at its expected version, 23505 when a
-- concurrent writer was first.
CREATE FUNCTION append_events(
  streams text, versions text, event_ids text, schema_versions text, types text, datas text, metas text,
  heads text, expected_versions text,
  fenced text, fenced_epochs text, released text, revoked text, dropped text, dropped_epochs text,
  grants json, opened json, closed json, outcomes json,
  OUT appended_xid xid8, OUT appended_pos bigint[]
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  sep constant text := E'\x1f';
  now_ms constant bigint := clock_ms();
  held int;
BEGIN
  IF fenced IS NOT NULL OR revoked IS NOT NULL OR dropped IS NOT NULL THEN
    -- In the order of their ids, as renewals do, so that no two transactions wait for each other.
    SELECT count(*) FILTER (WHERE f.attempt_id IS NOT NULL) INTO held FROM (
      SELECT l.attempt_id, l.epoch FROM attempt_leases l
      WHERE l.attempt_id = ANY (string_to_array(concat_ws(sep, fenced, revoked, dropped), sep))
      ORDER BY l.attempt_id FOR UPDATE
    ) locked LEFT JOIN unnest(string_to_array(fenced, sep), string_to_array(fenced_epochs, sep)::bigint[]) f(attempt_id, epoch)
      ON f.attempt_id = locked.attempt_id AND f.epoch = locked.epoch;
    IF held IS DISTINCT FROM coalesce(cardinality(string_to_array(fenced, sep)), 0) THEN
      RAISE EXCEPTION 'a lease is gone or at another epoch' USING ERRCODE = 'DB001';
    END IF;
    IF released IS NOT NULL OR revoked IS NOT NULL THEN
      DELETE FROM attempt_leases WHERE attempt_id = ANY (string_to_array(concat_ws(sep, released, revoked), sep));
    END IF;
    IF dropped IS NOT NULL THEN
      DELETE FROM attempt_leases l USING unnest(string_to_array(dropped, sep), string_to_array(dropped_epochs, sep)::bigint[]) d(attempt_id, epoch)
      WHERE l.attempt_id = d.attempt_id AND l.epoch = d.epoch;
    END IF;
  END IF;

  IF streams IS NOT NULL THEN
    WITH inserted AS (
      INSERT INTO events (stream_id, version, event_id, stored_at_ms, schema_version, type, data, meta)
      SELECT s, v, i, now_ms, sv, t, d::json, nullif(m, '')::json
      FROM unnest(
        string_to_array(streams, sep), string_to_array(versions, sep)::bigint[], string_to_array(event_ids, sep)::uuid[],
        string_to_array(schema_versions, sep)::smallint[], string_to_array(types, sep), string_to_array(datas, sep), string_to_array(metas, sep)
      ) AS e(s, v, i, sv, t, d, m)
      RETURNING pos
    ) SELECT array_agg(pos) INTO appended_pos FROM inserted;
    appended_xid := pg_current_xact_id();
  END IF;

  -- The primary key refuses a version that is there; this refuses a gap below it.
  IF heads IS NOT NULL AND EXISTS (
    SELECT FROM unnest(string_to_array(heads, sep), string_to_array(expected_versions, sep)::bigint[]) AS h(s, v)
    WHERE NOT EXISTS (SELECT FROM events WHERE stream_id = h.s AND version = h.v)
  ) THEN
    RAISE EXCEPTION 'a stream does not stand at the expected version' USING ERRCODE = 'DB002';
  END IF;

  IF grants IS NOT NULL THEN
    INSERT INTO attempt_leases
    SELECT g.*, clock_timestamp() + g.lost_after_ms * interval '1 millisecond'
    FROM json_to_recordset(grants) AS g(
      attempt_id text, epoch bigint, worker text, incarnation text, dag_id text, run_id text, task_id text, queue text, pool text,
      pool_slots int, lost_after_ms bigint
    ) ORDER BY attempt_id COLLATE "C";
  END IF;
  IF opened IS NOT NULL THEN
    INSERT INTO open_runs SELECT r.* FROM json_to_recordset(opened) AS r(dag_id text, run_id text) ORDER BY 1, 2 ON CONFLICT DO NOTHING;
  END IF;
  IF closed IS NOT NULL THEN
    DELETE FROM open_runs o USING json_to_recordset(closed) AS r(dag_id text, run_id text) WHERE o.dag_id = r.dag_id AND o.run_id = r.run_id;
  END IF;
  IF outcomes IS NOT NULL THEN
    UPDATE commands c SET outcome = o.outcome FROM json_to_recordset(outcomes) AS o(command_id text, outcome json)
    WHERE c.command_id = o.command_id AND c.outcome IS NULL;
  END IF;
END $$;
