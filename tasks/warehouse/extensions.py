"""DuckDB's extensions, loaded from their packages; nothing is downloaded."""

from importlib.resources import files

import duckdb

from tasks.errors import UserError, reason_of


def load_extensions(connection: duckdb.DuckDBPyConnection, *names: str) -> None:
    """Load extensions from the packages `duckdb-extension-NAME`. Raises UserError when one is missing."""
    for name in names:
        package = f"duckdb_extension_{name}"
        try:
            folder = files(package) / "extensions" / f"v{duckdb.__version__}"
            connection.load_extension(str(folder / f"{name}.duckdb_extension"))
        except (ModuleNotFoundError, duckdb.Error) as error:
            raise UserError(
                f"DuckDB's extension {name} can't be loaded ({reason_of(error)}): "
                f"install {package.replace('_', '-')}=={duckdb.__version__}"
            ) from error
