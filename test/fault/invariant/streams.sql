-- I5 Every stream has the versions 1..n, each once, and the feed has them in that order.
SELECT stream_id || ': versions ' || min(version) || '..' || max(version) || ', ' || count(*) || ' events' AS violation
FROM events GROUP BY stream_id HAVING min(version) <> 1 OR max(version) <> count(*)
UNION ALL
SELECT stream_id || ' version ' || version || ' stands before its predecessor in the feed' FROM (
  SELECT stream_id, version, (xid, pos) < lag((xid, pos)) OVER (PARTITION BY stream_id ORDER BY version) AS is_earlier FROM events
) o WHERE is_earlier
