from tests.sql.audit_cases import all_of, change, repeat

VALID = {
    "loads": {"load_key": "load", "table_name": ["dictionaries", "dictionary_metrics"]},
    "provenance": {"load_key": "load", "result_id": "d", "table_name": ["dictionaries", "dictionary_metrics"]},
}
METRICS = {"table_name": "dictionary_metrics"}
SECOND_LOAD = [repeat("loads", load_key="second")]

CASES = [
    (change("provenance", METRICS, load_key="no load"), {"load_key": "no load", **METRICS}),
    (change("loads", METRICS, table_name="features"), {"load_key": "load", **METRICS}),
    (
        all_of(*SECOND_LOAD, repeat("provenance", {"table_name": "dictionaries"}, load_key="second")),
        {"table_name": "dictionaries", "result_id": "d", "load_key": "from 2 loads"},
    ),
]

ALSO_VALID = [all_of(*SECOND_LOAD, repeat("provenance", METRICS, load_key="second"))]
