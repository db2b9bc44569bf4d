"""Staging: the frames that one stage made for the warehouse, one Parquet file a table, one folder a key."""

from pathlib import Path

import polars

from tasks.errors import UserError
from tasks.settings import Settings
from tasks.storage import atomic_file, write_text, writing

COMMIT = "tables.txt"


def _folder(key: str, settings: Settings) -> Path:
    return settings.frames_dir / key


def frames_exist(key: str, settings: Settings) -> bool:
    return (_folder(key, settings) / COMMIT).exists()


def write_frames(key: str, frames: dict[str, polars.DataFrame], settings: Settings) -> None:
    """Write {table: frame}; the list of tables is written last and makes them count."""
    folder = _folder(key, settings)
    with writing(folder):
        for table, frame in frames.items():
            with atomic_file(folder / f"{table}.parquet") as temporary:
                frame.write_parquet(temporary)
        write_text(folder / COMMIT, "\n".join(frames))


def read_frames(key: str, settings: Settings) -> dict[str, polars.DataFrame]:
    """{table: frame} of a key. UserError when its stage hasn't finished."""
    if not frames_exist(key, settings):
        raise UserError(f"no frames for {key} in {settings.frames_dir}; run the stage that makes them first")
    folder = _folder(key, settings)
    return {table: polars.read_parquet(folder / f"{table}.parquet") for table in (folder / COMMIT).read_text().split()}


def staged(settings: Settings) -> dict[str, list[str]]:
    """Tables of every key whose stage has finished."""
    return {commit.parent.name: commit.read_text().split() for commit in settings.frames_dir.glob(f"*/{COMMIT}")}
