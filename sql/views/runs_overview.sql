-- Lists the flow runs with their duration and memory, and what each made.
CREATE OR REPLACE VIEW runs_overview AS
WITH made AS (
    SELECT
        flow_run_id,
        count(*) AS results,
        list(
            kind || ' ' || result_label || if(kind = 'scores', ' of ' || dictionary_label, '')
            ORDER BY made_at, kind, result_label, dictionary_label
        ) AS made
    FROM lineage
    WHERE flow_run_id IS NOT NULL
    GROUP BY flow_run_id
)
SELECT
    r.flow_run_id,
    r.flow,
    r.started_at,
    r.started_at + to_microseconds((1e6 * r.seconds)::BIGINT) AS ended_at,
    r.seconds / 60 AS minutes,
    r.peak_memory_bytes / 1024 ** 3 AS peak_memory_gib,
    r.git_revision,
    coalesce(m.results, 0) AS results,
    coalesce(m.made, []) AS made,
    r.config
FROM runs AS r
LEFT JOIN made AS m USING (flow_run_id)
ORDER BY r.started_at DESC;
COMMENT ON VIEW runs_overview IS 'one row per finished flow run (flow_run_id), the latest first';
COMMENT ON COLUMN runs_overview.flow_run_id IS 'id that Prefect gave the flow run, a UUID';
COMMENT ON COLUMN runs_overview.flow IS 'name of the flow';
COMMENT ON COLUMN runs_overview.started_at IS 'start of the run, UTC';
COMMENT ON COLUMN runs_overview.ended_at IS 'end of the run, UTC';
COMMENT ON COLUMN runs_overview.minutes IS 'duration of the run, minutes';
COMMENT ON COLUMN runs_overview.peak_memory_gib IS 'largest resident memory of the process, GiB';
COMMENT ON COLUMN runs_overview.git_revision IS 'commit of the code, with -dirty where files differ from it; null outside a git repository';
COMMENT ON COLUMN runs_overview.results IS 'number of results that the run made (rows of lineage); 0 where all existed already, or where the version did not record it';
COMMENT ON COLUMN runs_overview.made IS 'kind and label of each of these results';
COMMENT ON COLUMN runs_overview.config IS 'settings of the flow, JSON';
