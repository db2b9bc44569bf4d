-- Lineage: which flow run made each result, and where MLflow has it.

CREATE TABLE IF NOT EXISTS provenance (
    table_name    VARCHAR NOT NULL,
    result_table  VARCHAR NOT NULL,
    result_id     VARCHAR NOT NULL,
    load_key      VARCHAR NOT NULL,
    flow_run_id   VARCHAR,
    git_revision  VARCHAR,
    made_at       TIMESTAMP NOT NULL,
    PRIMARY KEY (table_name, result_id, load_key)
);
COMMENT ON TABLE provenance IS 'one row per (table_name, result_id, load_key): the rows that one load added to a table about one result, and how they were made; rows that were staged before this table existed are not in it';
COMMENT ON COLUMN provenance.table_name IS 'name of the table that holds the rows; for the row of the result itself, result_table';
COMMENT ON COLUMN provenance.result_table IS 'name of the table with one row per result of this kind, such as dictionaries; benchmarked_dictionaries for the scores of a dictionary, whose load also has the row of its benchmark; an attack experiment and the tamper detection on its sets have the same key in two tables';
COMMENT ON COLUMN provenance.result_id IS 'content key of the result: of an activation set, dictionary, unit set, analysis, attack experiment, benchmark or dictionary that a benchmark scored';
COMMENT ON COLUMN provenance.load_key IS 'key of the staged tables; (load_key, table_name) is in loads';
COMMENT ON COLUMN provenance.flow_run_id IS 'id that Prefect gave the flow run that made the rows, a UUID; null outside a flow; it is in runs once that run has finished and was published';
COMMENT ON COLUMN provenance.git_revision IS 'commit of the code that made the rows, with -dirty where files differ from it; null outside a git repository';
COMMENT ON COLUMN provenance.made_at IS 'time when the rows were made, UTC; of a dictionary, when its training or import ended';

CREATE TABLE IF NOT EXISTS mlflow_runs (
    mlflow_run_id  VARCHAR PRIMARY KEY,
    kind           VARCHAR NOT NULL,
    result_id      VARCHAR NOT NULL,
    experiment     VARCHAR NOT NULL,
    started_at     TIMESTAMP NOT NULL
);
COMMENT ON TABLE mlflow_runs IS 'one row per MLflow run of a result (mlflow_run_id)';
COMMENT ON COLUMN mlflow_runs.mlflow_run_id IS 'id that MLflow gave the run, 32 hex digits';
COMMENT ON COLUMN mlflow_runs.kind IS 'name of the run''s tag that holds the key: dictionary, concepts, attack_study, facets, trust, dimensions or benchmark';
COMMENT ON COLUMN mlflow_runs.result_id IS 'content key of the dictionary, analysis or attack experiment that the run records; of a benchmark, load_key of the dictionary''s scores';
COMMENT ON COLUMN mlflow_runs.experiment IS 'name of the MLflow experiment that holds the run';
COMMENT ON COLUMN mlflow_runs.started_at IS 'time when the run was created in MLflow, UTC; where a result has several runs, because the store was lost, the last one counts';

CREATE TABLE IF NOT EXISTS mlflow_models (
    model_name     VARCHAR NOT NULL,
    version        INTEGER NOT NULL,
    mlflow_run_id  VARCHAR NOT NULL,
    result_id      VARCHAR NOT NULL,
    concept_id     VARCHAR,
    layer          VARCHAR,
    PRIMARY KEY (model_name, version, mlflow_run_id)
);
COMMENT ON TABLE mlflow_models IS 'one row per registered model version (model_name, version, mlflow_run_id); aliases are not here, as they move in MLflow after a publication: models:/NAME/VERSION always loads the same model';
COMMENT ON COLUMN mlflow_models.model_name IS 'name of the registered model in MLflow';
COMMENT ON COLUMN mlflow_models.version IS 'number of the version';
COMMENT ON COLUMN mlflow_models.mlflow_run_id IS 'id of the MLflow run that the version was registered from; refers to mlflow_runs';
COMMENT ON COLUMN mlflow_models.result_id IS 'content key of the dictionary, or of the TCAV analysis of the concept activation vectors, that the version holds';
COMMENT ON COLUMN mlflow_models.concept_id IS 'content key of the concept''s exemplars; refers to concepts; null for a dictionary';
COMMENT ON COLUMN mlflow_models.layer IS 'name of the layer of the concept activation vectors; null for a dictionary, which has the layer of its activation set';
