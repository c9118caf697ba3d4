-- What authors say of an asset itself (null: nothing); the DAG that was registered last with something to say is believed.
ALTER TABLE rm.assets ADD COLUMN name text, ADD COLUMN asset_group text, ADD COLUMN extra json;
COMMENT ON COLUMN rm.asset_references.task_id IS 'Empty of a schedule; of a watcher its name';

-- Who was registered before there were assets as rows (0021) is in no event that is still to be folded: from its plan, then.
-- (In a new database there are no DAGs, and their tables come later.)
DO $$ BEGIN
  IF to_regclass('rm.dags') IS NULL THEN RETURN; END IF;
  CREATE TEMPORARY TABLE named ON COMMIT DROP AS
    WITH plans AS (
      SELECT d.dag_id, d.parsed_at_ms, convert_from(c.content, 'UTF8')::jsonb AS plan
      FROM rm.dags d JOIN contents c ON c.kind = 'plan' AND c.key = d.plan_hash
      WHERE NOT EXISTS (SELECT FROM rm.asset_references r WHERE r.dag_id = d.dag_id)
        AND convert_from(c.content, 'UTF8') ~ '"(inlets|outlets|assetsOrTime|assets)"'
        -- jsonb has no room for this character.
        AND position('\u0000' IN convert_from(c.content, 'UTF8')) = 0
    )
    SELECT dag_id, parsed_at_ms, '' AS task_id, 'schedule' AS kind, uri #>> '{}' AS uri FROM plans, jsonb_path_query(plan, 'strict $.schedule.condition.**?(@.kind == "asset").uri', silent => true) uri
    UNION SELECT dag_id, parsed_at_ms, task ->> 'taskId', 'inlet', uri FROM plans, jsonb_array_elements(plan -> 'tasks') task, jsonb_array_elements_text(task -> 'inlets') uri
    UNION SELECT dag_id, parsed_at_ms, task ->> 'taskId', 'outlet', uri FROM plans, jsonb_array_elements(plan -> 'tasks') task, jsonb_array_elements_text(task -> 'outlets') uri;

  INSERT INTO rm.assets (asset_id, uri, created_at_ms, updated_at_ms)
    SELECT (SELECT coalesce(max(asset_id), 0) FROM rm.assets) + row_number() OVER (ORDER BY min(parsed_at_ms), uri), uri, min(parsed_at_ms), min(parsed_at_ms)
    FROM named WHERE NOT EXISTS (SELECT FROM rm.assets a WHERE a.uri = named.uri) GROUP BY uri;

  INSERT INTO rm.asset_references (dag_id, task_id, kind, asset_id, created_at_ms, updated_at_ms)
    SELECT n.dag_id, n.task_id, n.kind, a.asset_id, n.parsed_at_ms, n.parsed_at_ms FROM named n JOIN rm.assets a USING (uri);
END $$;
