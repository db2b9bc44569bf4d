-- Foreign keys of a table of the current database: its columns, the table that they refer to, the columns there.
SELECT constraint_column_names, referenced_table, referenced_column_names
FROM duckdb_constraints()
WHERE database_name = current_database() AND table_name = $1 AND constraint_type = 'FOREIGN KEY'
ORDER BY constraint_index;
