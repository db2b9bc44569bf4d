from tests.sql.audit_cases import INFINITY, NAN, bad_values, change

VALID = {
    "attacks": {
        "attack_experiment_id": "experiment",
        "perturbed_set": "concept",
        "attack": ["clean", "token-pushing", "token-pushing"],
        "epsilon": [0, 8, 8],
        "fraction": [0.0, 0.5, 1.0],
        "artifact_folder": [None, "folder", "folder"],
        "images": 4,
        "changed": [0, 2, 4],
        "largest_change": [0, 8, 8],
        "psnr": [None, 34.0, 31.0],
        "perceptual": [0.0, 0.2, 0.4],
    },
}
CLEAN, HALF, WHOLE = {"attack": "clean"}, {"fraction": 0.5}, {"fraction": 1.0}

CASES = [
    *bad_values(
        "attacks",
        WHOLE,
        names={"attack": "token-pushing"},
        largest_change=[9, 0, -1],
        changed=[5, -1, 0],
        perceptual=[4.1, -0.1, NAN],
        psnr=[None, 30.0, NAN, INFINITY],
        fraction=[1.5, 0.0, NAN],
        epsilon=[256, 0],
        artifact_folder=[None],
    ),
    (change("attacks", WHOLE, largest_change=3), WHOLE | {"largest_change": 3, "psnr": 31.0, "least_psnr": 38.588}),
    *bad_values("attacks", HALF, names=HALF | {"images": 4}, changed=[3]),
    *bad_values(
        "attacks",
        CLEAN,
        names=CLEAN,
        perturbed_set=["random"],
        epsilon=[2],
        fraction=[0.5],
        changed=[1],
        largest_change=[1],
        psnr=[40.0],
        perceptual=[0.1],
        artifact_folder=["folder"],
    ),
    (change("attacks", CLEAN, epsilon=1, changed=1, largest_change=1, psnr=49.0), CLEAN | {"changed": 1}),
    (change("attacks", CLEAN, changed=1, largest_change=1, psnr=49.0), CLEAN | {"changed": 1}),
]
# of 4 images a small fraction changes one
ALSO_VALID = [change("attacks", HALF, fraction=0.01, changed=1)]
