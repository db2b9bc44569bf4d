-- Says which flow run filled which table about each result: a dictionary's features, its neurons and its scores may come from different runs.
CREATE OR REPLACE VIEW lineage_by_table AS
SELECT
    p.table_name,
    p.result_table,
    p.result_id,
    n.result_label,
    p.made_at,
    p.git_revision,
    p.flow_run_id,
    f.flow,
    f.started_at,
    p.load_key,
    l.loaded_at
FROM provenance AS p
JOIN result_labels() AS n USING (result_table, result_id)
LEFT JOIN runs AS f ON f.flow_run_id = p.flow_run_id
LEFT JOIN loads AS l ON l.load_key = p.load_key AND l.table_name = p.table_name
ORDER BY n.result_label, p.made_at, p.table_name, p.load_key;
COMMENT ON VIEW lineage_by_table IS 'one row per (table_name, result_id, load_key): the rows that one load added to a table about one result, and how they were made';
COMMENT ON COLUMN lineage_by_table.table_name IS 'name of the table that holds the rows';
COMMENT ON COLUMN lineage_by_table.result_table IS 'name of the table with one row per result of this kind, such as dictionaries';
COMMENT ON COLUMN lineage_by_table.result_id IS 'content key of the result: of an activation set, dictionary, unit set, analysis, attack experiment, benchmark or dictionary that a benchmark scored';
COMMENT ON COLUMN lineage_by_table.result_label IS 'label of the result, unique';
COMMENT ON COLUMN lineage_by_table.made_at IS 'time when the rows were made, UTC';
COMMENT ON COLUMN lineage_by_table.git_revision IS 'commit of the code that made the rows, with -dirty where files differ from it; null outside a git repository';
COMMENT ON COLUMN lineage_by_table.flow_run_id IS 'id that Prefect gave the flow run that made the rows, a UUID; null outside a flow';
COMMENT ON COLUMN lineage_by_table.flow IS 'name of that flow; null where the run failed later or its row is not published yet';
COMMENT ON COLUMN lineage_by_table.started_at IS 'start of that run, UTC; null as flow';
COMMENT ON COLUMN lineage_by_table.load_key IS 'key of the staged tables that the rows were loaded from: the name of their folder under data/frames';
COMMENT ON COLUMN lineage_by_table.loaded_at IS 'time of the load, UTC';
