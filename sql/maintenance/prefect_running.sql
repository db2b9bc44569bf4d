-- Returns the flow runs that have not ended, and those that have waited for their process for more than ten minutes (SQLite, Prefect's
-- schema).
SELECT id, name, state_name FROM flow_run
WHERE state_type IN ('RUNNING', 'CANCELLING') OR (state_type = 'PENDING' AND state_timestamp < datetime('now', '-10 minutes'))
ORDER BY start_time
