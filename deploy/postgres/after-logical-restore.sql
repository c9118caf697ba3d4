-- After a logical restore (pg_dump, pg_restore), with every service stopped: psql "$DATABASE_URL" -1 -f after-logical-restore.sql
-- The new cluster counts transactions from the beginning, so readers of the journal would wait for its old events for ever.
-- All of the past becomes one transaction, in the order of its numbers; views and integrations begin anew.
UPDATE events SET xid = '3'::xid8;
DELETE FROM projection_checkpoints;
DO $$
DECLARE tables text;
BEGIN
  SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') INTO tables FROM pg_tables WHERE schemaname IN ('rm', 'gateway') AND tablename <> 'revoked_tokens';
  EXECUTE 'TRUNCATE ' || tables;
END $$;
