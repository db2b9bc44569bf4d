-- Until now no table said which version it is of: that was version 1, since the first load.
SELECT 1 AS version, coalesce(min(loaded_at), now()::TIMESTAMP) AS migrated_at
FROM loads;
