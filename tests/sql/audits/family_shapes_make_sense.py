from tests.sql.audit_cases import bad_values, change

VALID = {
    "family_analyses": {
        "family_analysis_id": ["of crosscoder", "of sae"],
        "n_rotations": [4, 1],
        "group_order": [8, 1],
    },
    "family_shapes": {
        "family_analysis_id": ["of crosscoder", "of crosscoder", "of sae"],
        "family": [1, 3, 0],
        "type": ["period-180", "invariant", None],
        "stabiliser": ["D_2", "full", None],
        "period_degrees": [180.0, None, None],
        "reach_degrees": [22.5, None, None],
        "evenness": [0.9, None, None],
        "covered": [0.75, None, None],
        "missing_members": [1, None, None],
        "missing_orientations": [[90.0], None, None],
        "mean_similarity": 0.93,
        "profile": [[1.0, -0.1, 0.9, -0.1], [1.0, 1.0, 1.0, 1.0], None],
        "profile_low": [[0.9, -0.3, 0.8, -0.3], [0.9, 0.9, 0.9, 0.9], None],
        "profile_high": [[1.0, 0.1, 1.0, 0.1], [1.0, 1.0, 1.0, 1.0], None],
    },
}
LINES, BLOBS, OF_SAE = {"family": 1}, {"family": 3}, {"family": 0}

CASES = [
    *bad_values(
        "family_shapes",
        LINES,
        names=LINES,
        type=[None, "mixed"],
        period_degrees=[None, 400.0, 90.0, 0.0],
        evenness=[None, 1.1, -0.1, float("nan")],
        covered=[None, -0.1, 1.1],
        reach_degrees=[None, 0.0, 200.0],
        missing_members=[None, 2],
        missing_orientations=[[180.0], [-1.0], None],
    ),
    *bad_values(
        "family_shapes",
        LINES,
        names=LINES,
        shown=False,
        stabiliser=[None],
        mean_similarity=[1.1, -1.1],
        profile=[
            None,
            [1.0, -0.1, 0.9],
            [0.9, -0.1, 0.9, -0.1],
            [1.0, -1.1, 0.9, -0.1],
            [1.0, -0.1, 1.1, -0.1],
        ],
        profile_low=[None, [1.1, -0.3, 0.8, -0.3], [0.9, -0.3, 0.8]],
        profile_high=[None, [1.0, 0.1, 1.0]],
    ),
    *bad_values("family_shapes", BLOBS, names=BLOBS, covered=[1.0], missing_members=[0]),
    *bad_values("family_shapes", OF_SAE, names=OF_SAE, type=["mixed"]),
    *bad_values("family_shapes", OF_SAE, names=OF_SAE | {"n_rotations": 1}, shown=False, profile=[[1.0]]),
    (change("family_shapes", LINES, profile=[1.0, -0.1, 0.9]), LINES | {"profile_length": 3, "n_rotations": 4}),
]
