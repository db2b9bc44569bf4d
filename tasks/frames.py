"""Staging: the tables that one stage made for the warehouse, one Parquet file a table, one committed folder a key."""

from pathlib import Path

import polars

from tasks.checksums import Damaged, commit_folder, commit_of, is_committed, read_commit
from tasks.errors import UserError
from tasks.quarantine import set_aside
from tasks.settings import ROOT, Settings
from tasks.storage import atomic_file, writing

REMEDY = "run the flow that makes it again, or `kaleidoscope run publish` to have it set aside"
BEFORE_CHECKSUMS = "tables.txt"
"""The list of tables that committed a folder before there were checksums: schema version 1."""


def schema_version() -> int:
    """Version of `sql/schema`: 1, and one more for each folder of `sql/migrations`."""
    return 1 + sum(folder.is_dir() for folder in (ROOT / "sql" / "migrations").glob("*"))


def _folder(key: str, settings: Settings) -> Path:
    return settings.frames_dir / key


def frames_exist(key: str, settings: Settings) -> bool:
    """Whether a stage has finished. What it left is set aside where it was damaged since, so that it is made again."""
    folder = _folder(key, settings)
    try:
        _adopt(folder)
        if is_committed(folder):
            read_commit(folder, REMEDY)
            return True
    except Damaged as error:
        set_aside(folder, str(error), settings)
    return False


def write_frames(key: str, frames: dict[str, polars.DataFrame], settings: Settings) -> None:
    """Write {table: frame}; the checksums are written last and commit them."""
    folder = _folder(key, settings)
    with writing(folder):
        for table, frame in frames.items():
            with atomic_file(folder / f"{table}.parquet") as temporary:
                frame.write_parquet(temporary)
        commit_folder(folder, [f"{table}.parquet" for table in frames], schema_version=schema_version())


def read_frames(key: str, settings: Settings) -> dict[str, polars.DataFrame]:
    """{table: frame} of a key. Raises UserError when its stage hasn't finished, Damaged when a file changed since."""
    return read_staged(key, settings)[0]


def read_staged(key: str, settings: Settings) -> tuple[dict[str, polars.DataFrame], int]:
    """As `read_frames`, with the version of the schema that the frames were made for."""
    folder = _folder(key, settings)
    _adopt(folder)
    if not is_committed(folder):
        raise UserError(f"no frames for {key} in {settings.frames_dir}; run the stage that makes them first")
    commit = read_commit(folder, REMEDY)
    frames = {}
    for name in commit["files"]:
        try:
            frames[Path(name).stem] = polars.read_parquet(folder / name)
        except (OSError, polars.exceptions.PolarsError) as error:  # committed as it is, and no Parquet
            raise Damaged(folder / name, f"can't be read ({_first_line(error)})", REMEDY) from error
    return frames, commit["schema_version"]


def staged(settings: Settings) -> list[str]:
    """Keys of every folder that claims to be committed, in order; its files are checked when they are read."""
    folders = settings.frames_dir.glob("*/")
    return sorted(folder.name for folder in folders if is_committed(folder) or (folder / BEFORE_CHECKSUMS).is_file())


def tables_of(key: str, settings: Settings) -> list[str]:
    """Tables of a committed key, without reading them. Raises Damaged when its list of files was damaged."""
    folder = _folder(key, settings)
    _adopt(folder)
    return [Path(name).stem for name in commit_of(folder, REMEDY)["files"]]


def _adopt(folder: Path) -> None:
    """Commit a folder that was written before there were checksums, if its files can be read. Raises Damaged."""
    tables = folder / BEFORE_CHECKSUMS
    if is_committed(folder) or not tables.is_file():
        return
    names = [f"{table}.parquet" for table in tables.read_text(encoding="utf-8", errors="replace").split()]
    for name in names:
        try:
            polars.read_parquet(folder / name)
        except (OSError, polars.exceptions.PolarsError) as error:
            raise Damaged(folder / name, f"can't be read ({_first_line(error)})", REMEDY) from error
    with writing(folder):
        commit_folder(folder, names, schema_version=1)
        tables.unlink()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
