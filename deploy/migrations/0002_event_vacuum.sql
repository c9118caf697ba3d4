-- Events are only ever inserted and their statements are planned once, by index: what vacuum and analyze do for them is
-- freezing, and that by the million. By the default share of a table that grows from nothing they came every ten
-- seconds, at 10 CPU-µs a task.
ALTER TABLE events SET (
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 1000000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000
);
