-- I8 In the lattice no task became ready before both tasks above it had succeeded. $1: stream ids; $2: width.
WITH e AS (
  SELECT stream_id, version, type, (regexp_match(data->>'taskId', '^t(\d+)_(\d+)$'))[1]::int AS layer, (regexp_match(data->>'taskId', '^t(\d+)_(\d+)$'))[2]::int AS col
  FROM events WHERE stream_id = ANY ($1::text[]) AND type IN ('TaskScheduled', 'TaskSucceeded')
), done AS MATERIALIZED (
  SELECT stream_id, layer, col, version FROM e WHERE type = 'TaskSucceeded'
), ready AS (
  SELECT stream_id, layer, col, min(version) AS version FROM e WHERE type = 'TaskScheduled' GROUP BY 1, 2, 3
)
SELECT r.stream_id || ': t' || r.layer || '_' || r.col || ' was ready before t' || (r.layer - 1) || '_' || above.col || ' had succeeded' AS violation
FROM ready r CROSS JOIN LATERAL (VALUES (r.col), ((r.col + 1) % $2::int)) AS above(col)
LEFT JOIN done d ON d.stream_id = r.stream_id AND d.layer = r.layer - 1 AND d.col = above.col
WHERE r.layer > 0 AND (d.version IS NULL OR d.version > r.version)
