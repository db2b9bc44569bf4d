"""Average linkage in the memory of the distances themselves (methods §4.4).

SciPy's `linkage` computes the same tree, but copies the pairs twice: 8 m² bytes beside the distances. Here the pairs
take the place of the distances, and each merge changes them there. Source: nearest-neighbour chain, Müllner,
"Modern hierarchical, agglomerative clustering algorithms", 2011, fig. 3.
"""

import numpy as np


def condensed(distance_mm: np.ndarray) -> np.ndarray:
    """Return the pairs (i, j > i) row by row, float64 [m (m − 1) / 2], in the memory of the distances.

    distance_mm: float32 [m, m], contiguous and symmetric; it is overwritten.
    """
    m = len(distance_mm)
    pairs = distance_mm.reshape(-1, copy=False)[: m * (m - 1)].view(np.float64)
    end = len(pairs)
    # from the last row up: a row's pairs never begin before the row itself, so that no row is lost before it is read
    for i in range(m - 1, -1, -1):
        start = end - (m - 1 - i)
        pairs[start:end] = distance_mm[i, i + 1 :].astype(np.float64)
        end = start
    return pairs


def average_linkage(pairs: np.ndarray, m: int) -> np.ndarray:
    """Return the tree of average linkage, [m − 1, 4], in the form and to the bit of SciPy's `linkage`.

    pairs: float64 [m (m − 1) / 2], distances of all pairs in the order of `condensed`; they are overwritten.
    Memory beyond the pairs: O(m). Time: O(m²).
    """
    before = (
        np.arange(m) * m - np.arange(m) * (np.arange(m) + 1) // 2 - np.arange(m) - 1
    )  # place of (i, j) is before[i] + j
    sizes = np.ones(m, np.int64)
    gone = np.zeros(m, bool)
    merges = np.empty((m - 1, 4))

    def distances_from(cluster: int) -> np.ndarray:
        return np.concatenate(
            [pairs[before[:cluster] + cluster], [np.inf], pairs[before[cluster] + cluster + 1 : before[cluster] + m]]
        )

    chain: list[int] = []
    for merge in range(m - 1):
        if not chain:
            chain.append(int(gone.argmin()))
        while True:
            x = chain[-1]
            from_x = distances_from(x)
            from_x[gone] = np.inf
            y = int(from_x.argmin())
            if len(chain) > 1 and from_x[chain[-2]] <= from_x[y]:
                y = chain[-2]
                break
            chain.append(y)
        del chain[-2:]
        height = from_x[y]
        x, y = min(x, y), max(x, y)
        size_x, size_y = sizes[x], sizes[y]
        merges[merge] = x, y, height, size_x + size_y
        merged = (size_x * distances_from(x) + size_y * distances_from(y)) / (size_x + size_y)
        gone[x], sizes[y] = True, size_x + size_y
        pairs[before[:y] + y] = merged[:y]
        pairs[before[y] + y + 1 : before[y] + m] = merged[y + 1 :]
    return _labelled(merges[np.argsort(merges[:, 2], kind="stable")])


def _labelled(merges: np.ndarray) -> np.ndarray:
    """Name the clusters of sorted merges as SciPy does: merge k makes cluster m + k; the smaller name stands first."""
    m = len(merges) + 1
    parents = np.arange(2 * m - 1)

    def name_of(feature: int) -> int:
        root = feature
        while parents[root] != root:
            root = parents[root]
        while parents[feature] != root:
            parents[feature], feature = root, parents[feature]
        return root

    for merge, (x, y, _, _) in enumerate(merges):
        names = name_of(int(x)), name_of(int(y))
        parents[list(names)] = m + merge
        merges[merge, :2] = sorted(names)
        merges[merge, 3] = sum(1 if name < m else merges[name - m, 3] for name in names)
    return merges
