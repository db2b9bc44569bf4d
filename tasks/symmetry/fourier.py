"""Fourier series for functions on the group: one over the rotations r^k, one over the reflections r^k s."""

import numpy as np

from tasks.errors import UserError
from tasks.symmetry.scales import ScaleRange
from tasks.symmetry.transformations import Transformations


def fourier_basis(group: Transformations, harmonics: int) -> np.ndarray:
    """Return an orthonormal basis of the functions on G with at most K = `harmonics` waves per turn, float64 [|G|, Q].

    With θ = 2πk/n, a series has the columns 1/√n, then √(2/n) cos hθ and √(2/n) sin hθ for h = 1 … K. For h = n/2 it
    has only (cos hθ)/√n, since the sine is 0 at every θ. The columns of the rotations come first. Q = 2(2K + 1), 2
    fewer for K = n/2, and half of that without reflections. The basis is complete, Q = |G|, for K = n // 2. Raises
    UserError for larger K, and for scales. Source: ours.
    """
    if isinstance(group, ScaleRange):
        raise UserError(f"harmonics = {harmonics} is for rotations, of the image or its hues: leave it out with scale")
    n = group.n_rotations
    if harmonics > n // 2:
        raise UserError(f"harmonics = {harmonics} is more than {n} rotations can represent: set at most {n // 2}")
    angles_n = 2 * np.pi * np.arange(n) / n
    columns = [np.ones(n)]
    for h in range(1, harmonics + 1):
        columns += [np.cos(h * angles_n)] if 2 * h == n else [np.cos(h * angles_n), np.sin(h * angles_n)]
    series_nq = np.stack(columns, axis=1)
    series_nq /= np.linalg.norm(series_nq, axis=0)
    return np.kron(np.eye(group.order // n), series_nq)
