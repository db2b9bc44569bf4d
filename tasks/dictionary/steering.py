"""Steerable crosscoders: features are the turned copies of prototypes, each in its canonical orientation [ours].

A prototype i is a pattern, given by the |G| blocks P_i^g of its orbit. Feature (i, h), number i |G| + h, is the pattern
turned by h. The block of g·(h·pattern) is that of gh, so its transform blocks are d_(i,h)^g = P_i^(gh). The encoder is
shared in the same way: with the blocks E_i^g of a prototype,

    pre_(i,h) = Σ_g E_i^(gh) z_g + b_i.

A row has one orientation of each prototype, that of the largest pre; the others are set to 0 before the method chooses
the active features. An active feature thus says what was seen and in which orientation. Where a row's orbit is read
from g₀ on (orbit reuse: z_g becomes z_(g g₀)), the code of (i, h) becomes the code of (i, g₀h), exactly.

Neither encoder nor decoder stores turned copies. The encoder is a correlation over the group, which the Fourier
transform over the rotations makes |G| / 4 times cheaper. The decoder's codes refer to the rows (gh, i) of one table of
all prototypes' blocks.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from tasks.dictionary.sparse import ByFeature, at_active
from tasks.symmetry.group import DihedralGroup
from tasks.symmetry.transformations import Transformations


class Turns(nn.Module):
    """The group law, as far as prototypes need it.

    prototypes: p
    product_gh: [|G|, |G|], entry [g, h] is gh, the block of P_i that (i, h) has in block g
    quotient_uh: [|G|, |G|], entry [u, h] is u h⁻¹, the block in which (i, h) has P_i^u
    """

    product_gh: Tensor
    quotient_uh: Tensor

    def __init__(self, group: Transformations, prototypes: int):
        super().__init__()
        assert isinstance(group, DihedralGroup)  # `DictionaryConfig.prototypes` refuses scales
        self.group, self.order, self.prototypes = group, group.order, prototypes
        self.register_buffer("product_gh", torch.from_numpy(group.cayley), persistent=False)
        self.register_buffer("quotient_uh", torch.from_numpy(group.cayley[:, group.inverses]), persistent=False)

    def of(self, indices_bk: Tensor) -> tuple[Tensor, Tensor]:
        """Return the prototypes i and the orientations h of features, both [b, k]."""
        return torch.div(indices_bk, self.order, rounding_mode="floor"), indices_bk % self.order

    def copies(self, prototypes_gpd: Tensor, count: int | None = None) -> Tensor:
        """Return the first `count` transform blocks of every feature, [count, m, d]."""
        return prototypes_gpd[self.product_gh[:count]].transpose(1, 2).flatten(1, 2)

    def of_features(self, values_p: Tensor) -> Tensor:
        """Return a value per prototype for each of its features, [m]."""
        return values_p.repeat_interleave(self.order)

    def turned(self, indices_bk: Tensor, element: int) -> Tensor:
        """Return the features that are active in place of others where an orbit is read from g₀, `element`, on."""
        prototypes_bk, turns_bk = self.of(indices_bk)
        return prototypes_bk * self.order + self.product_gh[element, turns_bk]

    def whole_prototypes(self, chosen_m: Tensor) -> Tensor:
        """Return which features, bool [m], belong to a prototype all of whose features are chosen."""
        return self.of_features(chosen_m.view(-1, self.order).all(1))

    def correlation(self, z_gbd: Tensor, encoder_gpd: Tensor) -> Tensor:
        """Return Σ_g E_i^(gh) z_g for every feature (i, h), [b, m].

        With g = r^k s^σ and h = r^l s^τ, gh is r^(k ± l) s^(σ + τ), with minus for σ = 1. Both sums over k are
        correlations over the rotations: products of spectra.
        """
        n = self.group.n_rotations
        halves = self.order // n
        with torch.autocast(z_gbd.device.type, enabled=False):
            row_sfbd = torch.fft.rfft(z_gbd.float().unflatten(0, (halves, n)), dim=1)
            encoder_sfdp = torch.fft.rfft(encoder_gpd.float().unflatten(0, (halves, n)), dim=1).transpose(2, 3)
            halves_of_pre = []
            for mirrored in range(halves):
                spectrum_fbp = row_sfbd[0].conj() @ encoder_sfdp[mirrored]
                if halves == 2:
                    spectrum_fbp = spectrum_fbp + row_sfbd[1] @ encoder_sfdp[1 - mirrored].conj()
                halves_of_pre.append(torch.fft.irfft(spectrum_fbp, n=n, dim=0))
            return torch.cat(halves_of_pre).permute(1, 2, 0).flatten(1)

    def in_canonical_orientation(self, pre_bm: Tensor) -> Tensor:
        """Return pre with 0 for all orientations of a prototype but the one with the largest, [b, m]."""
        pre_bph = pre_bm.unflatten(1, (-1, self.order))
        best_bp1, turn_bp1 = pre_bph.max(2, keepdim=True)
        return torch.zeros_like(pre_bph).scatter_(2, turn_bp1, best_bp1).flatten(1)


class _PreActivationsAt(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z_gbd, encoder_gpd, bias_p, pre_bm, indices_bk, turns):
        ctx.save_for_backward(z_gbd, indices_bk)
        ctx.turns = turns
        return pre_bm.gather(1, indices_bk)

    @staticmethod
    def backward(ctx, gradient_bk):
        z_gbd, indices_bk = ctx.saved_tensors
        weight = _accumulate(ctx.turns, indices_bk, gradient_bk, z_gbd)
        prototypes_bk, _ = ctx.turns.of(indices_bk)
        bias = gradient_bk.new_zeros(ctx.turns.prototypes)
        return None, weight, bias.index_add_(0, prototypes_bk.flatten(), gradient_bk.flatten()), None, None, None


def steered_pre_activations_at(
    z_gbd: Tensor, encoder_gpd: Tensor, bias_p: Tensor, pre_bm: Tensor, indices_bk: Tensor, turns: Turns
) -> Tensor:
    """Return `pre_bm` at `indices_bk`, [b, k], with gradients to encoder and bias, as `sparse.pre_activations_at`."""
    return _PreActivationsAt.apply(z_gbd, encoder_gpd, bias_p, pre_bm, indices_bk, turns)


class _Residual(torch.autograd.Function):
    @staticmethod
    def forward(ctx, target_gbd, values_bk, indices_bk, prototypes_gpd, bias_1d, turns):
        blocks, prototypes, _ = prototypes_gpd.shape
        prototypes_bk, turns_bk = turns.of(indices_bk)
        rows_nk = (turns.product_gh[:, turns_bk] * prototypes + prototypes_bk).flatten(0, 1)
        decoded_nd = functional.embedding_bag(
            rows_nk, prototypes_gpd.flatten(0, 1), mode="sum", per_sample_weights=values_bk.repeat(blocks, 1)
        )
        decoded_gbd = decoded_nd.view_as(target_gbd).add_(bias_1d)
        ctx.save_for_backward(values_bk, indices_bk, rows_nk, prototypes_gpd)
        ctx.turns = turns
        return torch.sub(target_gbd, decoded_gbd, out=decoded_gbd)

    @staticmethod
    def backward(ctx, gradient_gbd):
        values_bk, indices_bk, rows_nk, prototypes_gpd = ctx.saved_tensors
        at_active_nk = at_active(gradient_gbd.flatten(0, 1), prototypes_gpd.flatten(0, 1), rows_nk)
        values = -at_active_nk.view(len(gradient_gbd), *values_bk.shape).sum(0)
        weight = _accumulate(ctx.turns, indices_bk, -values_bk, gradient_gbd)
        return None, values, None, weight, -gradient_gbd.sum((0, 1))[None], None


def steered_residual(
    target_gbd: Tensor, values_bk: Tensor, indices_bk: Tensor, prototypes_gpd: Tensor, bias_1d: Tensor, turns: Turns
) -> Tensor:
    """Return `sparse.residual` for the turned copies of prototypes, [g, b, d], with gradients to all but the target."""
    return _Residual.apply(target_gbd, values_bk, indices_bk, prototypes_gpd, bias_1d, turns)


def _accumulate(turns: Turns, indices_bk: Tensor, weights_bk: Tensor, rows_gbd: Tensor) -> Tensor:
    """Return per prototype the weighted sum of the rows where a feature of it is active, turned back, [|G|, p, d]."""
    prototypes_bk, turns_bk = turns.of(indices_bk)
    by_prototype = ByFeature(prototypes_bk, turns.prototypes)
    blocks_un = turns.quotient_uh[:, turns_bk.flatten()[by_prototype.order]]
    return by_prototype.accumulate(weights_bk, rows_gbd, blocks_un)
