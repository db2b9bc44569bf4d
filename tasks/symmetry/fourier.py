"""Fourier series for functions on the group: one over the rotations r^k, one over the reflections r^k s.

Beside them the irreducible representations, which split what commutes with the group (J.-P. Serre, Linear
Representations of Finite Groups, 1977, §2.4 and §5.3).
"""

import numpy as np

from tasks.errors import UserError
from tasks.symmetry.group import DihedralGroup
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


def irreducible_representations(group: DihedralGroup) -> list[np.ndarray]:
    """Return the matrices ρ(g) of each irreducible representation, [|G|, dimension, dimension]; the trivial one first.

    Of D_n they are orthogonal, float64, with one or two dimensions; of C_n they are the n characters, complex128. The
    functions √(dimension / |G|) ρ_ij(g), of all representations, are a unitary basis of the functions on the group.
    Source: Serre §5.1 and §5.3.
    """
    n = group.n_rotations
    angles_g = 2 * np.pi * (group.elements % n) / n
    if not group.reflections:
        return [np.exp(1j * h * angles_g)[:, None, None] for h in range(n)]
    mirror_g = np.where(group.is_reflection(group.elements), -1.0, 1.0)
    alternating_g = (-1.0) ** (group.elements % n)
    signs = [np.ones(group.order), mirror_g, *((alternating_g, alternating_g * mirror_g) if n % 2 == 0 else ())]
    turned = [(np.cos(h * angles_g), np.sin(h * angles_g)) for h in range(1, (n - 1) // 2 + 1)]
    planes = [np.array([[cosine, -mirror_g * sine], [sine, mirror_g * cosine]]) for cosine, sine in turned]
    return [sign_g[:, None, None] for sign_g in signs] + [plane_ijg.transpose(2, 0, 1) for plane_ijg in planes]
