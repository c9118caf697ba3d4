-- After a logical restore (pg_dump, pg_restore), with every service stopped: psql "$DATABASE_URL" -1 -f after-logical-restore.sql
-- The new cluster counts transactions from the beginning, so readers of the journal would wait for its old events for ever.
-- All of the past becomes one transaction, in the order of its numbers; views and integrations begin anew.
UPDATE events SET xid = '3'::xid8;
DELETE FROM projection_checkpoints;
-- What waits for assets names places of the journal: decisions by their new name, and what was kept of its fold is made anew.
UPDATE events SET data = (data::jsonb || jsonb_build_object('upTo', '3-' || split_part(data ->> 'upTo', '-', 2)))::json WHERE type = 'AssetRunDecided';
DELETE FROM snapshots WHERE stream_id LIKE 'asset-queue-%';
DO $$
DECLARE tables text;
BEGIN
  SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') INTO tables FROM pg_tables WHERE schemaname IN ('rm', 'gateway') AND tablename <> 'revoked_tokens';
  EXECUTE 'TRUNCATE ' || tables;
END $$;
