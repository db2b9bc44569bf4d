"""`sql/schema/05_operations.sql`: one run; the other tables are filled by the warehouse itself."""

import json
from datetime import datetime

from tests.sample_tables.planted import N_ROTATIONS
from tests.sample_tables.rows import Tables, row


def operation_rows() -> Tables:
    measured = {"started_at": datetime(2025, 1, 2, 3, 4, 5), "seconds": 92.5, "peak_memory_bytes": 1_500_000_000}
    made_from = {
        "git_revision": "0123456789abcdef" * 2 + "01234567",
        "config": json.dumps({"n_rotations": N_ROTATIONS}),
    }
    return {"runs": [row("runs", flow_run_id="sample-run", flow="atlas", **measured, **made_from)]}
