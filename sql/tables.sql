-- Every column of every table of the current database, in the order of creation.
SELECT
    t.table_name,
    c.column_name,
    c.data_type,
    coalesce(list_contains(k.constraint_column_names, c.column_name), false) AS in_key
FROM duckdb_tables() AS t
JOIN duckdb_columns() AS c USING (database_oid, table_oid)
LEFT JOIN duckdb_constraints() AS k
    ON k.database_oid = t.database_oid AND k.table_oid = t.table_oid AND k.constraint_type = 'PRIMARY KEY'
WHERE t.database_name = current_database() AND NOT t.temporary
ORDER BY t.table_oid, c.column_index;
