"""What the sample tables are about: one layer of a network, and two dictionaries with features of known symmetry.

The activation set holds orbits of 8 rotations and their reflections (|G| = 16). A TopK SAE and a group crosscoder of 40
features each were trained on it. A lower layer and a layer of another network are there for attacks to be read at.
"""

from tasks.keys import content_key

N_ROTATIONS = 8
GROUP_ORDER = 2 * N_ROTATIONS
FEATURES = 40
DEAD = (7, 18, 29, 39)
LIVE = [feature for feature in range(FEATURES) if feature not in DEAD]

NETWORK = "efficientnet_lite0"
LAYER = "blocks.5"
LOWER_LAYER = "blocks.3"
OTHER_NETWORK = "inceptionv1-bvlc"
OTHER_LAYER = "mixed4d"
ACTIVATION_SET = content_key("sample activation set", 1)
SAE = content_key("sample dictionary", 1, method="topk-sae")
CROSSCODER = content_key("sample dictionary", 1, method="group-crosscoder")

# how often a feature's profile repeats in a full turn; 0: it is the same at every angle, None: it has no regularity
FOLDS = {"period-360": 1, "period-180": 2, "period-90": 4, "invariant": 0, "mixed": None}
_CYCLE = ("period-360", "period-180", "period-360", "invariant", "period-90", "period-360", "period-180", "mixed")
SET_LABEL = "efficientnet_lite0 blocks.5 · 200 orbits of D8, norm sampling, seed 0"
CROSSCODER_LABEL = "efficientnet_lite0 blocks.5 · TopK group crosscoder 40, D8, k 8, norm sampling, seed 0"


def planted_type(feature: int) -> str:
    """The symmetry type that feature `feature` of the crosscoder was drawn with."""
    return _CYCLE[feature % len(_CYCLE)]


def planted_orientation(feature: int) -> float:
    """Direction the feature points in, degrees counter-clockwise; an even feature's is the axis of some reflection."""
    return 22.5 * (feature % 5) + (7.0 if feature % 2 else 0.0)
