-- I11 Nothing is left of what has ended: no lease, no open run, no command without an outcome.
SELECT 'lease of ' || attempt_id || ' at epoch ' || epoch || ' on ' || worker AS violation FROM attempt_leases
UNION ALL SELECT 'open run ' || dag_id || '/' || run_id FROM open_runs
UNION ALL SELECT 'command ' || command_id || ' has no outcome' FROM commands WHERE outcome IS NULL
