"""Add checksums to the JSON files of activation sets that are older than these checksums."""

import json
from pathlib import Path
from typing import Any

import polars

from tasks.checksums import Damaged, check_file, document_sha256, write_document
from tasks.keys import content_key, file_sha256
from tasks.storage import writing

REMEDY = "run the extraction again, which sets it aside and makes a new one"
VERSION = 2
"""The VERSION in tasks/activations/plan.py with which all such sets were made."""
TABLES = ("rows.parquet", "images.parquet", "quarantine.parquet")
PLAN = {"key", "config", "network", "layer", "files"}
RECEIPT = {"index", "split", "orbits", "bytes", "sha256"}
MANIFEST = {"key", "plan_sha256", "shards"}


def adopt(folder: Path) -> None:
    """Rewrite plan, receipts and manifest of a set as documents with checksums, the plan last.

    A set whose plan has a checksum is left unchanged. The plan must lead to the set's key and, if there is a manifest,
    match the checksum there. A receipt must be in the manifest; in an unfinished set, it must match its shard and the
    plan. A receipt that doesn't is not rewritten, so that it doesn't count as a receipt. Raises Damaged if the plan or
    one of its tables is damaged.
    """
    path = folder / "plan.json"
    plan, manifest = _plain(path, PLAN), _plain(folder / "manifest.json", MANIFEST)
    if plan is None:
        return
    try:
        for name in TABLES:
            check_file(folder / name, plan["files"][name], REMEDY)
        rows, images = (polars.read_parquet(folder / name) for name in TABLES[:2])
        if not _key(plan, images) == plan["key"] == folder.name:
            raise Damaged(path, "is damaged (its content belongs to another key)", REMEDY)
        if manifest and (manifest["key"], manifest["plan_sha256"]) != (folder.name, file_sha256(path)):
            raise Damaged(path, "is damaged (manifest.json has another checksum of it)", REMEDY)
    except (KeyError, TypeError, AttributeError) as error:
        raise Damaged(path, f"is damaged ({type(error).__name__})", REMEDY) from error
    plan_sha256 = document_sha256(plan)
    with writing(folder):
        for file in folder.glob("shard-*.json"):
            receipt = _plain(file, RECEIPT)
            if receipt and (receipt in manifest["shards"] if manifest else _is_right(receipt, file, rows)):
                write_document(file, {"plan_sha256": plan_sha256, "shard": receipt})
        if manifest:
            write_document(folder / "manifest.json", manifest | {"plan_sha256": plan_sha256})
        write_document(path, plan)


def _plain(path: Path, fields: set[str]) -> dict[str, Any] | None:
    """Return the JSON object in a file if it has exactly these fields, else None.

    Exactly, because a document whose checksum field has a damaged name has one field more and is not a plain object.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and set(content) == fields else None


def _key(plan: dict[str, Any], images: polars.DataFrame) -> str:
    return content_key(
        "activation_set",
        VERSION,
        config=plan["config"],
        weights_sha256=plan["network"]["weights_sha256"],
        images=[list(row) for row in images.select("image", "source", "name").iter_rows()],
    )


def _is_right(receipt: dict[str, Any], file: Path, rows: polars.DataFrame) -> bool:
    """Return whether a receipt matches its shard and the plan."""
    shard, index = file.with_suffix(".safetensors"), file.stem.removeprefix("shard-")
    shard_rows = rows.filter(shard=int(index)) if index.isdecimal() else rows.clear()
    if not shard.is_file() or shard_rows.is_empty():
        return False
    return receipt == {
        "index": int(index),
        "split": shard_rows["split"][0],
        "orbits": len(shard_rows),
        "bytes": shard.stat().st_size,
        "sha256": file_sha256(shard),
    }
