"""The registry of dictionary methods: forms, expectations, page, model card and loading read it.

A new method is a subclass of `base.Dictionary` in a file of its own, an entry here, and its tests.
"""

from importlib import import_module
from typing import Any, Literal, NamedTuple


class Method(NamedTuple):
    """label: the name that people read; dictionary: `module:class` in this package.

    k: whether the config's k fixes the number of active features of each row or their mean over a batch; None for a
    method with a sparsity penalty instead. block_sparse: whether a feature has several decoder vectors (atoms).
    """

    label: str
    dictionary: str
    k: Literal["each row", "mean"] | None
    block_sparse: bool = False

    def load(self) -> type[Any]:
        """Import the class, a subclass of `base.Dictionary`. Only this imports PyTorch."""
        module, name = self.dictionary.split(":")
        return getattr(import_module(f"tasks.dictionary.{module}"), name)


ARCHITECTURES = {
    "sae": "sparse autoencoder",
    "group-crosscoder": "group crosscoder",
    "steerable-crosscoder": "steerable crosscoder",
}
"""{architecture: the label that people read}."""
METHODS = {
    "topk": Method("TopK", "topk:TopK", k="each row"),
    "relu": Method("ReLU", "relu:ReLU", k=None),
    "batchtopk": Method("BatchTopK", "batchtopk:BatchTopK", k="mean"),
    "jumprelu": Method("JumpReLU", "jumprelu:JumpReLU", k=None),
    "gated": Method("Gated", "gated:Gated", k=None),
    "matryoshka": Method("Matryoshka", "matryoshka:Matryoshka", k="mean"),
    "block-topk": Method("Block TopK", "block_topk:BlockTopK", k="each row", block_sparse=True),
    "grassmannian": Method("Grassmannian", "grassmannian:Grassmannian", k="each row", block_sparse=True),
    "group-lasso": Method("Group lasso", "group_lasso:GroupLasso", k=None, block_sparse=True),
}
BLOCK_SPARSE = tuple(name for name, method in METHODS.items() if method.block_sparse)
"""Methods whose features have several decoder vectors each; an SAE only."""
OF_ONE_ATOM = tuple(name for name in METHODS if name not in BLOCK_SPARSE)
"""Methods whose features have one decoder vector each."""
STEERABLE = ("topk", "batchtopk")
"""The methods that train a steerable crosscoder."""
WITH_K = ", ".join(name for name, method in METHODS.items() if method.k)
WITH_PENALTY = ", ".join(name for name, method in METHODS.items() if not method.k)


def summary_of(method: str, architecture: str, features: int) -> str:
    """Return a dictionary's kind and size, such as "TopK sparse autoencoder of 3,840 features"."""
    return f"{METHODS[method].label} {ARCHITECTURES[architecture]} of {features:,} features"
