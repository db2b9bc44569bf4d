-- Returns one row per finished flow run, the newest first.
SELECT flow_run_id, flow, started_at, seconds, peak_memory_bytes, git_revision
FROM runs
ORDER BY started_at DESC, flow_run_id
LIMIT 20;
