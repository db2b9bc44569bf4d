from tasks.warehouse.database import schema
from tasks.warehouse.load import BOOKKEEPING
from tests.sql.audit_cases import add, change, remove

VALID = {
    "networks": {"network": ["net", "other net", "third net"]},
    "loads": {"load_key": ["first", "second"], "table_name": "networks", "rows": [2, 1]},
}
NETWORKS = {"table_name": "networks", "rows_found": 3}

CASES = [
    *(
        (add(table), {"table_name": table, "rows_loaded": 0})
        for table in sorted(schema().keys() - BOOKKEEPING - {"networks"})
    ),
    (add("networks"), {"table_name": "networks", "rows_found": 4, "rows_loaded": 3}),
    (remove("networks", {"network": "net"}), {"table_name": "networks", "rows_found": 2, "rows_loaded": 3}),
    (change("loads", {"load_key": "second"}, rows=2), NETWORKS | {"rows_loaded": 4}),
    (remove("loads"), NETWORKS | {"rows_loaded": 0}),
]
