from tests.sql.audit_cases import NAN, all_of, change, remove

# rows of the second set are no orbits
VALID = {
    "activation_sets": {
        "activation_set_id": ["set", "set without transforms"],
        "n_rotations": [4, 1],
        "group_order": [8, 1],
    },
    "dimension_analyses": {
        "dimension_analysis_id": ["pca", "pca of rows"],
        "activation_set_id": ["set", "set without transforms"],
        "components": 2,
    },
    "dimension_harmonics": {
        "dimension_analysis_id": "pca",
        "dimension": [0, 0, 0, 1, 1, 1],
        "irrep": ["A1", "A2", "E1"] * 2,
        "waves_per_turn": [0, 0, 1] * 2,
        "share": [0.7, 0.2, 0.1, 0.0, 0.0, 1.0],
    },
}
PCA = {"dimension_analysis_id": "pca"}
SECOND = PCA | {"dimension": 1}
A1, A2 = {"dimension": 1, "irrep": "A1"}, {"dimension": 1, "irrep": "A2"}

CASES = [
    (remove("dimension_harmonics", {"dimension": 1}), PCA | {"dimension": 0, "dimensions": 1, "components": 2}),
    (remove("dimension_harmonics"), PCA | {"dimensions": None, "components": 2}),
    (
        remove("dimension_harmonics", A1),
        SECOND | {"irreps": ["A2", "E1"], "expected_irreps": ["A1", "A2", "E1"]},
    ),
    (change("dimension_harmonics", A1, irrep="E9"), SECOND | {"irreps": ["A2", "E1", "E9"]}),
    (change("dimension_harmonics", A1, share=0.01), SECOND | {"total": 1.01}),
    (change("dimension_harmonics", A1, share=NAN), SECOND | {"total": NAN}),
    (
        all_of(change("dimension_harmonics", A1, share=1.0), change("dimension_harmonics", A2, share=-1.0)),
        SECOND | {"total": 1.0, "least": -1.0},
    ),
    (change("dimension_harmonics", A1, waves_per_turn=3), SECOND | {"highest": 3, "n_rotations": 4}),
    (change("dimension_harmonics", A1, waves_per_turn=-1), SECOND | {"lowest": -1}),
    (
        change("activation_sets", {"group_order": 8}, group_order=1),
        PCA | {"dimension": 0, "group_order": 1},
        PCA | {"dimension": 1, "group_order": 1},
    ),
    (
        change("activation_sets", {"group_order": 1}, group_order=2),
        {"dimension_analysis_id": "pca of rows", "dimensions": None},
    ),
]
