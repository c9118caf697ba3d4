-- A dispatcher grants within its term. One that does not know yet that another leads is refused, whatever it had under way:
-- what the new one has read of the leases is then all that there is.
CREATE TABLE dispatcher_term (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  term    bigint NOT NULL
);
INSERT INTO dispatcher_term (term) VALUES (0);

CREATE FUNCTION raise_dispatcher_term() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  raised bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('dagbook.dispatcher.term', 0));
  UPDATE dispatcher_term SET term = term + 1 RETURNING term INTO raised;
  RETURN raised;
END $$;

-- As in 0001, but that grants name a term (none: of a dispatcher of the version before). Raises DB003 when it is not the newest.
CREATE OR REPLACE FUNCTION append_events(
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
    -- Shared among grants; a new term waits for those under way, and those that come after it see it.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('dagbook.dispatcher.term', 0));
    IF EXISTS (
      SELECT FROM unnest(string_to_array(grants, E'\x1e')) r, dispatcher_term t WHERE nullif(split_part(r, sep, 12), '')::bigint <> t.term
    ) THEN
      RAISE EXCEPTION 'another dispatcher leads' USING ERRCODE = 'DB003';
    END IF;
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
