-- Every foreign key of the current database: its table and columns, the table that they refer to, the columns there.
SELECT table_name, constraint_column_names, referenced_table, referenced_column_names
FROM duckdb_constraints()
WHERE database_name = current_database() AND constraint_type = 'FOREIGN KEY'
ORDER BY table_oid, constraint_index;
