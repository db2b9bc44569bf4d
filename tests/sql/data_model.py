"""Write docs/data-model.md from sql/schema: `python -m tests.sql.data_model`."""

from pathlib import Path

import duckdb

from tasks.settings import ROOT
from tasks.warehouse.database import create_schema, schema, sql_files

DOCUMENT = ROOT / "docs" / "data-model.md"
HEAD = """\
# Data model

These are the tables of the warehouse and of every published snapshot. `python -m tests.sql.data_model` makes this
document from `sql/schema`, and a test compares the two. Most questions need the views instead: `kaleidoscope sql` lists
them.

* A column `…_id` holds a content key: a SHA-256 of everything that determines what it names. Equal inputs have equal
  keys.
* `network` and `layer` are names. A feature, neuron, unit or dimension is a number within its dictionary, layer, unit
  set or analysis.
* Rows are only added, one load at a time (table `loads`), and audited before they are published (`audit_results`).
"""


def document() -> str:
    """Return the text of docs/data-model.md."""
    with duckdb.connect() as connection:
        create_schema(connection)
        comments = dict(connection.execute("SELECT table_name, comment FROM duckdb_tables()").fetchall())
        columns = connection.execute(
            "SELECT table_name, column_name, data_type, is_nullable, comment FROM duckdb_columns()"
            " WHERE NOT internal ORDER BY table_oid, column_index"
        ).fetchall()
        references = connection.execute(
            "SELECT table_name, constraint_column_names, referenced_table, referenced_column_names"
            " FROM duckdb_constraints() WHERE constraint_type = 'FOREIGN KEY' ORDER BY table_oid, constraint_index"
        ).fetchall()
    lines = [HEAD, "```mermaid", "erDiagram"]
    lines += [
        f'    {target} ||--o{{ {table} : "{", ".join(names)}"'
        for table, names, target, _ in references
        if target != table
    ]
    lines += ["```"]
    for file in sql_files("schema"):
        lines += ["", f"## {_title(file)}", ""]
        made = [table for table in schema() if f"CREATE TABLE IF NOT EXISTS {table} (" in file.read_text()]
        for table in made:
            refers = {
                name: f"`{target}.{other}`"
                for owner, names, target, others in references
                if owner == table
                for name, other in zip(names, others, strict=True)
            }
            lines += [
                f"### {table}",
                "",
                f"{comments[table]}.",
                "",
                "| Column | Type | Meaning |",
                "| --- | --- | --- |",
            ]
            for _, column, kind, nullable, comment in (row for row in columns if row[0] == table):
                key = "**" if column in schema()[table].key else ""
                refers_to = [f"refers to {refers[column]}"] if column in refers and "refers to" not in comment else []
                meaning = "; ".join([comment.replace("|", "\\|"), *refers_to])
                null = " or null" if nullable and not key else ""
                lines.append(f"| {key}`{column}`{key} | {kind}{null} | {meaning} |")
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _title(file: Path) -> str:
    """Return the first comment of a schema file."""
    return file.read_text().splitlines()[0].removeprefix("-- ").rstrip(".")


if __name__ == "__main__":
    DOCUMENT.write_text(document())
