-- I3 Tries are 1..n without a gap, at most retries + 1; one end a try, a task and a run; no epoch that was not granted. $1: stream ids; $2: retries.
WITH e AS (
  SELECT stream_id, type, substr(stream_id, 5) || '/' || (data->>'taskId') || '/' || coalesce(data->>'mapIndex', '-1') AS task,
    (data->>'tryNumber')::int AS try, (data->>'epoch')::int AS epoch
  FROM events WHERE stream_id = ANY ($1::text[]) AND type LIKE 'Task%'
)
SELECT task || ': tries ' || array_agg(DISTINCT try ORDER BY try)::text AS violation
FROM e WHERE type = 'TaskScheduled' GROUP BY task HAVING min(try) <> 1 OR max(try) <> count(DISTINCT try) OR max(try) > $2::int + 1
UNION ALL
SELECT task || ': ' || count(*) || ' terminal events' FROM e WHERE type IN ('TaskSucceeded', 'TaskFailed') GROUP BY task HAVING count(*) > 1
UNION ALL
SELECT task || ' try ' || try || ' epoch ' || epoch || ': ended ' || count(*) || ' times' FROM e
WHERE type IN ('TaskSucceeded', 'TaskFailed', 'TaskRetryScheduled') AND epoch IS NOT NULL GROUP BY task, try, epoch HAVING count(*) > 1
UNION ALL
SELECT task || ' try ' || try || ': ' || type || ' of epoch ' || epoch || ', which was never granted' FROM e
WHERE epoch IS NOT NULL AND NOT EXISTS (SELECT FROM events g WHERE g.stream_id = 'attempt-' || task || '/' || try AND g.version = epoch AND g.type = 'AttemptGranted')
UNION ALL
SELECT stream_id || ': the run ended ' || count(*) || ' times' FROM events
WHERE stream_id = ANY ($1::text[]) AND type IN ('RunSucceeded', 'RunFailed') GROUP BY stream_id HAVING count(*) > 1
