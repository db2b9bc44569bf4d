-- Every column of every table of the current database, in the order of creation, with comments.
SELECT t.table_name, t.comment, c.column_name, c.data_type, c.is_nullable, c.comment
FROM duckdb_tables() AS t
JOIN duckdb_columns() AS c USING (database_oid, table_oid)
WHERE t.database_name = current_database() AND NOT t.temporary
ORDER BY t.table_oid, c.column_index;
