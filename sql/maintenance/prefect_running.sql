-- Flow runs that have not ended (SQLite, Prefect's schema).
SELECT id, name FROM flow_run WHERE state_type IN ('RUNNING', 'CANCELLING') ORDER BY start_time
