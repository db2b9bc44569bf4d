SELECT
    run AS flow_run_id,
    flow,
    started_at,
    seconds,
    peak_memory_bytes,
    git_revision,
    config
FROM runs;
