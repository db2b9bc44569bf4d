-- Returns the names of the artifact folders of runs and of models (SQLite, MLflow's schema).
SELECT run_uuid FROM runs
UNION
SELECT model_id FROM logged_models
