"""Whether symmetry types agree with responses, for each analysed group crosscoder of the data folder.

    python -m tests.benchmarks.kept_responses

A feature's response is kept as far as it still responds to its own images when they are transformed: its summed
activation on g·x over that on x, for all positions x of the test split on which it fires, averaged over g ≠ e. The
decoder, from which types are read, plays no part. Printed are the median and the quartiles over the features of a type.
"""

import numpy as np
import torch

from tasks.activations.shards import ActivationSet
from tasks.dictionary import store
from tasks.dictionary.analyse import analysed, analysis_key
from tasks.dictionary.base import Dictionary
from tasks.dictionary.sparse import to_dense
from tasks.settings import Settings
from tasks.staging import read_staged


def kept(dictionary: Dictionary, acts: ActivationSet) -> tuple[np.ndarray, int]:
    """Return the share of each feature's response that is kept, [m], NaN for one without any; and the positions."""
    order, features = acts.group.order, dictionary.config.features
    total_gm, positions = torch.zeros(order, features, dtype=torch.float64), 0
    for shard in acts.shards:
        if shard.split == "test":
            acts_gbd = acts.read(shard.index).float().transpose(0, 1) * dictionary.scale
            f_gbm = torch.stack([to_dense(*dictionary.encode_active(acts_bd[None]), features) for acts_bd in acts_gbd])
            total_gm += (f_gbm * (f_gbm[0] > 0)).double().sum(1)
            positions += shard.orbits
    return (total_gm[1:].mean(0) / total_gm[0]).numpy(), positions


def main() -> None:
    settings = Settings()
    for key in analysed(settings):
        dictionary = store.load_dictionary(key, settings)
        if dictionary.group.order == 1 or dictionary.reads_all_blocks:
            continue
        acts = ActivationSet.open(store.describe(key, settings)["activation_set"], settings)
        symmetry = read_staged(analysis_key(key), settings)["feature_symmetry"]
        kept_m, positions = kept(dictionary, acts)
        print(f"{acts.config.network} {acts.config.layer}, {acts.group.name}: {positions} test positions")
        for (kind,), of_kind in sorted(symmetry.group_by("type")):
            shares = kept_m[of_kind["feature"].to_numpy()]
            shares = shares[np.isfinite(shares)]
            low, middle, high = np.percentile(shares, [25, 50, 75]) if len(shares) else [np.nan] * 3
            print(f"  {kind}: {len(shares)} features, kept {middle:.2f} ({low:.2f}–{high:.2f})")


if __name__ == "__main__":
    main()
