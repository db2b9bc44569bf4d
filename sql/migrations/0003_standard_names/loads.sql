SELECT
    load_key,
    CASE table_name
        WHEN 'tuning_subjects' THEN 'unit_sets'
        WHEN 'attack_analyses' THEN 'attack_experiments'
        ELSE table_name
    END AS table_name,
    rows,
    loaded_at
FROM loads;
