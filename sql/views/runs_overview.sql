-- Lists the flow runs with their duration and memory.
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
COMMENT ON VIEW runs_overview IS 'one row per finished flow run (flow_run_id), the latest first';
COMMENT ON COLUMN runs_overview.flow_run_id IS 'id that Prefect gave the flow run, a UUID';
COMMENT ON COLUMN runs_overview.flow IS 'name of the flow';
COMMENT ON COLUMN runs_overview.started_at IS 'start of the run, UTC';
COMMENT ON COLUMN runs_overview.ended_at IS 'end of the run, UTC';
COMMENT ON COLUMN runs_overview.minutes IS 'duration of the run, minutes';
COMMENT ON COLUMN runs_overview.peak_memory_gib IS 'largest resident memory of the process, GiB';
COMMENT ON COLUMN runs_overview.git_revision IS 'commit of the code, with -dirty where files differ from it; null outside a git repository';
COMMENT ON COLUMN runs_overview.config IS 'settings of the flow, JSON';
