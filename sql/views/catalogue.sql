-- Lists every table and view of the database.
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
COMMENT ON VIEW catalogue IS 'one row per table or view (name): what it holds, its columns, and the number of rows of a table';
COMMENT ON COLUMN catalogue.kind IS 'view or table';
COMMENT ON COLUMN catalogue.name IS 'name of the table or view';
COMMENT ON COLUMN catalogue.comment IS 'comment of the table or view: what one row is';
COMMENT ON COLUMN catalogue.columns IS 'names of its columns in order, separated by commas';
COMMENT ON COLUMN catalogue.rows IS 'number of rows of a table; null for a view';
