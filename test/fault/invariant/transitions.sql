-- I4 Only these events follow each other in the life of a task, and of a run; written down here again, not taken from the code. $1: stream ids.
WITH allowed(before, after) AS (VALUES
  ('', 'TaskScheduled'), ('TaskScheduled', 'TaskStarted'), ('TaskScheduled', 'TaskAttemptLost'),
  ('TaskStarted', 'TaskSucceeded'), ('TaskStarted', 'TaskFailed'), ('TaskStarted', 'TaskRetryScheduled'), ('TaskStarted', 'TaskAttemptLost'),
  ('TaskAttemptLost', 'TaskScheduled'), ('TaskAttemptLost', 'TaskRetryScheduled'), ('TaskAttemptLost', 'TaskFailed'),
  ('TaskRetryScheduled', 'TaskScheduled'),
  ('', 'RunCreated'), ('RunCreated', 'RunStarted'), ('RunStarted', 'RunSucceeded'), ('RunStarted', 'RunFailed')
), life AS (
  SELECT stream_id, version, data->>'taskId' AS task_id, type AS after,
    coalesce(lag(type) OVER (PARTITION BY stream_id, data->>'taskId', data->>'mapIndex' ORDER BY version), '') AS before
  FROM events WHERE stream_id = ANY ($1::text[])
)
SELECT stream_id || ' version ' || version || ' ' || coalesce(task_id, '') || ': ' || after || ' after ' || coalesce(nullif(before, ''), 'nothing') AS violation
FROM life WHERE NOT EXISTS (SELECT FROM allowed WHERE allowed.before = life.before AND allowed.after = life.after)
