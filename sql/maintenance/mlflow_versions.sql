-- Returns registered model versions: name, version, id of the model that holds the files, and the key of what it was made from (SQLite,
-- MLflow's schema).
SELECT versions.name, versions.version, substr(versions.source, 9), tags.key, tags.value
FROM model_versions AS versions
JOIN model_version_tags AS tags ON tags.name = versions.name AND tags.version = versions.version
WHERE versions.current_stage <> 'Deleted_Internal'
  AND versions.source LIKE 'models:/%'
  AND tags.key IN ('dictionary', 'analysis')
ORDER BY 1, 2
