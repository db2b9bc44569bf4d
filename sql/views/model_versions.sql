-- Lists the registered model versions of MLflow with what each holds.
CREATE OR REPLACE VIEW model_versions AS
SELECT
    m.model_name,
    m.version,
    'models:/' || m.model_name || '/' || m.version AS model_uri,
    m.result_id,
    r.result_label,
    m.concept_id,
    c.concept_label,
    r.network,
    coalesce(m.layer, r.layer) AS layer,
    m.mlflow_run_id,
    r.mlflow_experiment,
    r.flow_run_id,
    r.git_revision,
    r.made_at
FROM mlflow_models AS m
JOIN lineage AS r ON r.result_id = m.result_id AND r.kind IN ('dictionary', 'concept analysis')
LEFT JOIN concept_labels() AS c ON c.concept_id = m.concept_id
ORDER BY m.model_name, m.version, m.mlflow_run_id;
COMMENT ON VIEW model_versions IS 'one row per registered model version (model_name, version, mlflow_run_id) of a published result; aliases are in MLflow alone';
COMMENT ON COLUMN model_versions.model_name IS 'name of the registered model in MLflow';
COMMENT ON COLUMN model_versions.version IS 'number of the version';
COMMENT ON COLUMN model_versions.model_uri IS 'address by which MLflow loads the version';
COMMENT ON COLUMN model_versions.result_id IS 'content key of the dictionary, or of the TCAV analysis of the concept activation vectors, that the version holds';
COMMENT ON COLUMN model_versions.result_label IS 'label of the dictionary or analysis, unique';
COMMENT ON COLUMN model_versions.concept_id IS 'content key of the concept''s exemplars; refers to concepts; null for a dictionary';
COMMENT ON COLUMN model_versions.concept_label IS 'label of the exemplars, unique';
COMMENT ON COLUMN model_versions.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN model_versions.layer IS 'name of the layer';
COMMENT ON COLUMN model_versions.mlflow_run_id IS 'id of the MLflow run that the version was registered from; refers to mlflow_runs';
COMMENT ON COLUMN model_versions.mlflow_experiment IS 'name of the MLflow experiment that holds that run';
COMMENT ON COLUMN model_versions.flow_run_id IS 'id that Prefect gave the flow run that made the dictionary or analysis, a UUID; null outside a flow';
COMMENT ON COLUMN model_versions.git_revision IS 'commit of the code that made it, with -dirty where files differ from it; null outside a git repository';
COMMENT ON COLUMN model_versions.made_at IS 'time when it was made, UTC';
