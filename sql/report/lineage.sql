-- Returns one row per result: its images, the flow run and the code that made it, its run and model versions in MLflow.
SELECT
    kind,
    result_id,
    dictionary_id,
    dictionary_label,
    result_label,
    images,
    image_sources,
    made_at,
    git_revision,
    flow_run_id,
    flow,
    mlflow_run_id,
    mlflow_experiment,
    model_name,
    model_versions
FROM lineage
ORDER BY kind, result_label, dictionary_label;
