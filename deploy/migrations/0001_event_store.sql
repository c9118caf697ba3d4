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

CREATE FUNCTION clock_ms() RETURNS bigint LANGUAGE sql VOLATILE PARALLEL SAFE
  RETURN (extract(epoch FROM clock_timestamp()) * 1000)::bigint;

-- Appends one batch, whole or not at all, in one round trip. A list travels as one text, its members parted by U+001F,
-- which JSON text and ids never hold: it is split by memchr, where an array literal would be escaped and parsed.
-- `released` and `held` are in the order of their ids and name each attempt once.
-- Raises DB001 when a lease is not as fenced, DB002 when a stream does not stand at its expected version, 23505 when a
-- concurrent writer was first.
CREATE FUNCTION append_events(
  streams text, versions text, event_ids text, schema_versions text, types text, datas text, metas text,
  heads text, expected_versions text,
  released text, released_epochs text, held text, held_epochs text, revoked text, dropped text, dropped_epochs text,
  grants text, opened json, closed json, outcomes json,
  OUT appended_xid xid8, OUT appended_pos bigint[]
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  sep constant text := E'\x1f';
  now_ms constant bigint := clock_ms();
  epochs bigint[];
BEGIN
  -- Leases are taken in the order of their ids, here and in renewals, so that transactions seldom wait for each other
  -- crosswise; where they do, Postgres ends one and it is tried again. Epochs are compared list to list: a join of two
  -- lists of unknown length is planned as a nested loop.
  IF released IS NOT NULL THEN
    WITH gone AS (
      DELETE FROM attempt_leases WHERE attempt_id = ANY (string_to_array(released, sep)) RETURNING attempt_id, epoch
    ) SELECT array_agg(epoch ORDER BY attempt_id) INTO epochs FROM gone;
    IF epochs IS DISTINCT FROM string_to_array(released_epochs, sep)::bigint[] THEN
      RAISE EXCEPTION 'a lease is gone or at another epoch' USING ERRCODE = 'DB001';
    END IF;
  END IF;
  IF held IS NOT NULL THEN
    SELECT array_agg(epoch ORDER BY attempt_id) INTO epochs FROM (
      SELECT attempt_id, epoch FROM attempt_leases WHERE attempt_id = ANY (string_to_array(held, sep)) ORDER BY attempt_id FOR KEY SHARE
    ) locked;
    IF epochs IS DISTINCT FROM string_to_array(held_epochs, sep)::bigint[] THEN
      RAISE EXCEPTION 'a lease is gone or at another epoch' USING ERRCODE = 'DB001';
    END IF;
  END IF;
  IF revoked IS NOT NULL THEN
    DELETE FROM attempt_leases WHERE attempt_id = ANY (string_to_array(revoked, sep));
  END IF;
  IF dropped IS NOT NULL THEN
    DELETE FROM attempt_leases l USING unnest(string_to_array(dropped, sep), string_to_array(dropped_epochs, sep)::bigint[]) d(attempt_id, epoch)
    WHERE l.attempt_id = d.attempt_id AND l.epoch = d.epoch;
  END IF;

  IF streams IS NOT NULL THEN
    WITH inserted AS (
      INSERT INTO events (stream_id, version, event_id, stored_at_ms, schema_version, type, data, meta)
      -- Set-returning functions in the select list walk their lists side by side without a tuplestore, which FROM would make.
      SELECT s, v::bigint, i::uuid, now_ms, sv::smallint, t, d::json, nullif(m, '')::json FROM (
        SELECT unnest(string_to_array(streams, sep)) s, unnest(string_to_array(versions, sep)) v, unnest(string_to_array(event_ids, sep)) i,
          unnest(string_to_array(schema_versions, sep)) sv, unnest(string_to_array(types, sep)) t, unnest(string_to_array(datas, sep)) d,
          unnest(string_to_array(metas, sep)) m
        OFFSET 0
      ) e
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
    SELECT g[1], g[2]::bigint, g[3], g[4], g[5], g[6], g[7], g[8], g[9], g[10]::int, g[11]::bigint,
      clock_timestamp() + g[11]::bigint * interval '1 millisecond'
    FROM unnest(string_to_array(grants, E'\x1e')) AS r, string_to_array(r, sep) AS g;
  END IF;
  IF opened IS NOT NULL THEN
    INSERT INTO open_runs SELECT r.* FROM json_to_recordset(opened) AS r(dag_id text, run_id text) ORDER BY 1, 2 ON CONFLICT DO NOTHING;
  END IF;
  IF closed IS NOT NULL THEN
    DELETE FROM open_runs o USING json_to_recordset(closed) AS r(dag_id text, run_id text) WHERE o.dag_id = r.dag_id AND o.run_id = r.run_id;
  END IF;
  IF outcomes IS NOT NULL THEN
    -- Where the effects stand in the feed is only known here: at or before the batch's last event.
    UPDATE commands c SET outcome = CASE WHEN o.has_events
      THEN (o.outcome::jsonb || jsonb_build_object('position', appended_xid::text || '-' || appended_pos[cardinality(appended_pos)]))::json
      ELSE o.outcome END
    FROM json_to_recordset(outcomes) AS o(command_id text, outcome json, has_events boolean)
    WHERE c.command_id = o.command_id AND c.outcome IS NULL;
  END IF;
END $$;
