from tests.sql.audit_cases import bad_values, change

VALID = {
    "activation_sets": {
        "activation_set_id": ["set", "set without reflections"],
        "n_rotations": [8, 16],
        "reflections": [True, False],
    },
    "dictionaries": {
        "dictionary_id": ["crosscoder", "sae"],
        "activation_set_id": ["set", "set without reflections"],
        "group_order": [16, 1],
    },
    "family_analyses": {
        "family_analysis_id": ["of crosscoder", "of sae"],
        "dictionary_id": ["crosscoder", "sae"],
        "n_rotations": [8, 1],
        "reflections": [True, False],
        "group_order": [16, 1],
    },
}
OF_CROSSCODER = {"family_analysis_id": "of crosscoder"}
OF_SAE = {"family_analysis_id": "of sae"}

CASES = [
    *bad_values("family_analyses", OF_CROSSCODER, names=OF_CROSSCODER, group_order=[8], reflections=[False]),
    (change("family_analyses", OF_CROSSCODER, n_rotations=-8, group_order=-16), {"n_rotations": -8}),
    (change("family_analyses", OF_SAE, n_rotations=0), OF_SAE | {"n_rotations": 0}),
    (change("family_analyses", OF_CROSSCODER, dictionary_id="sae"), OF_CROSSCODER | {"dictionary_group_order": 1}),
    (change("activation_sets", {"n_rotations": 8}, n_rotations=12), OF_CROSSCODER | {"set_n_rotations": 12}),
    (change("activation_sets", {"n_rotations": 8}, reflections=False), OF_CROSSCODER | {"reflections": True}),
    (change("family_analyses", OF_SAE, n_rotations=2, group_order=2), OF_SAE | {"dictionary_group_order": 1}),
]
ALSO_VALID = [change("family_analyses", OF_CROSSCODER, n_rotations=4, group_order=8)]
