"""Activation sets from before plan.json, receipts and manifest.json held checksums of their own: they get them."""

import json
from pathlib import Path
from typing import Any

import polars

from tasks.checksums import Damaged, check_file, document_sha256, write_document
from tasks.keys import content_key, file_sha256
from tasks.storage import writing

REMEDY = "run the extraction again, which sets it aside and makes it anew"
VERSION = 2
"""Of all such sets' plans."""
TABLES = ("rows.parquet", "images.parquet", "quarantine.parquet")
PLAN = {"key", "config", "network", "layer", "files"}
RECEIPT = {"index", "split", "orbits", "bytes", "sha256"}
MANIFEST = {"key", "plan_sha256", "shards"}


def adopt(folder: Path) -> None:
    """Write plan, receipts and manifest of a set as documents, the plan last; one that has them is left as it is.

    The plan must give the set's key, and be what the manifest says of it, where there is one. A receipt must be in the
    manifest; of a set that wasn't finished, be what plan and shard are. One that isn't stays as it is, which makes it
    no receipt. Raises Damaged for the plan and its tables.
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
            raise Damaged(path, "is damaged (it is another key's)", REMEDY)
        if manifest and (manifest["key"], manifest["plan_sha256"]) != (folder.name, file_sha256(path)):
            raise Damaged(path, "is damaged (manifest.json says so)", REMEDY)
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
    """The object in a file, if it has these fields and no others: a document's damaged name of its checksum is one."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and set(found) == fields else None


def _key(plan: dict[str, Any], images: polars.DataFrame) -> str:
    return content_key(
        "activation_set",
        VERSION,
        config=plan["config"],
        weights_sha256=plan["network"]["weights_sha256"],
        images=[list(row) for row in images.select("image", "source", "name").iter_rows()],
    )


def _is_right(receipt: dict[str, Any], file: Path, rows: polars.DataFrame) -> bool:
    """Whether a receipt says what its shard and the plan are."""
    shard, index = file.with_suffix(".safetensors"), file.stem.removeprefix("shard-")
    of_shard = rows.filter(shard=int(index)) if index.isdecimal() else rows.clear()
    if not shard.is_file() or of_shard.is_empty():
        return False
    return receipt == {
        "index": int(index),
        "split": of_shard["split"][0],
        "orbits": len(of_shard),
        "bytes": shard.stat().st_size,
        "sha256": file_sha256(shard),
    }
