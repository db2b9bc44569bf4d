-- One row per finished flow run, the newest first.
SELECT run, flow, started_at, seconds, peak_memory_bytes, git_revision
FROM runs
ORDER BY started_at DESC, run
LIMIT 20;
