-- I1 Every run that was triggered has ended in success, every task of its plan with it. $1: stream ids; $2: tasks of each.
SELECT wanted.stream_id || ': ' || count(*) FILTER (WHERE type = 'TaskSucceeded') || ' of ' || $2::int || ' tasks succeeded, run ended '
  || count(*) FILTER (WHERE type = 'RunSucceeded') || ' times in success' AS violation
FROM unnest($1::text[]) AS wanted(stream_id) LEFT JOIN events e USING (stream_id)
GROUP BY wanted.stream_id
HAVING count(*) FILTER (WHERE type = 'TaskSucceeded') <> $2::int OR count(*) FILTER (WHERE type = 'RunSucceeded') <> 1
