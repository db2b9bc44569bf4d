-- What ran, for how long, with how much memory?
CREATE OR REPLACE VIEW runs_overview AS
SELECT
    flow_run_id,
    flow,
    started_at,
    started_at + to_microseconds((1e6 * seconds)::BIGINT) AS ended_at,
    seconds / 60 AS minutes,
    peak_memory_bytes / 1024 ** 3 AS peak_memory_gib,
    git_revision,
    config
FROM runs
ORDER BY started_at DESC;
COMMENT ON VIEW runs_overview IS 'one row per finished flow run, the latest first';
