-- Returns the columns of tables that may contain a key: text and JSON, and lists and structures of text.
SELECT table_name, column_name
FROM duckdb_columns()
WHERE NOT internal
  AND table_name IN (SELECT table_name FROM duckdb_tables() WHERE NOT internal)
  AND (contains(data_type, 'VARCHAR') OR contains(data_type, 'JSON'))
ORDER BY ALL
