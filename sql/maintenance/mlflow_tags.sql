-- Returns the values of all tags of registered models and of unfinished runs (MLflow's schema, in SQLite or PostgreSQL).
SELECT tags.value
FROM model_version_tags AS tags
JOIN model_versions AS versions ON versions.name = tags.name AND versions.version = tags.version
WHERE versions.current_stage <> 'Deleted_Internal'
UNION
SELECT value FROM tags WHERE run_uuid IN (SELECT run_uuid FROM runs WHERE status IN ('RUNNING', 'SCHEDULED'))
