-- Returns the MLflow runs that have not ended (SQLite, MLflow's schema).
SELECT run_uuid, name FROM runs WHERE status = 'RUNNING' AND lifecycle_stage = 'active' ORDER BY start_time
