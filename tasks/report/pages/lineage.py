"""The page that says where each result comes from."""

from itertools import groupby

from tasks.report.pages.writer import PageWriter
from tasks.report.snapshot import Snapshot

PLURALS = {
    "activation set": "Activation sets",
    "dictionary": "Dictionaries",
    "unit set": "Tuned units",
    "family analysis": "Families",
    "dimension analysis": "Tuning dimensions",
    "concept analysis": "Concepts",
    "attack experiment": "Attacks",
    "facet analysis": "Facets",
    "trust analysis": "Tamper detection",
    "scores": "Benchmark scores",
}
"""{kind of result: the heading above its results}, in the order of the page."""


def write_lineage(writer: PageWriter, snapshot: Snapshot) -> None:
    rows = sorted(snapshot.rows("lineage"), key=lambda row: [*PLURALS].index(row["kind"]))
    kinds = [(PLURALS[kind], list(results)) for kind, results in groupby(rows, lambda row: row["kind"])]
    writer.write("lineage.html", "lineage.html", kinds=kinds)
