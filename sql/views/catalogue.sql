-- What is there to query?
CREATE OR REPLACE VIEW catalogue AS
SELECT
    'view' AS kind,
    view_name AS name,
    v.comment AS comment,
    string_agg(c.column_name, ', ' ORDER BY c.column_index) AS columns,
    NULL::BIGINT AS rows
FROM duckdb_views() AS v
JOIN duckdb_columns() AS c ON c.database_oid = v.database_oid AND c.table_oid = v.view_oid
WHERE NOT v.internal AND v.database_name = current_database()
GROUP BY ALL
UNION ALL
SELECT
    'table',
    t.table_name,
    t.comment,
    string_agg(c.column_name, ', ' ORDER BY c.column_index),
    t.estimated_size
FROM duckdb_tables() AS t
JOIN duckdb_columns() AS c USING (database_oid, table_oid)
WHERE t.database_name = current_database() AND NOT t.temporary
GROUP BY ALL
ORDER BY kind DESC, name;
COMMENT ON VIEW catalogue IS 'one row per table or view: what it holds, its columns, and for a table its rows';
