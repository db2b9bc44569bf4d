-- Before this version the tables held no version number: they were of version 1 since the first load.
SELECT 1 AS version, coalesce(min(loaded_at), now()::TIMESTAMP) AS migrated_at
FROM loads;
