import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.activations.unit_patches import UnitPatch, patch_start
from tasks.errors import UserError
from tasks.symmetry.action import source_side
from tasks.vision.network import Layer


@st.composite
def patches(draw):
    receptive_field = draw(st.integers(1, 120))
    stride = draw(st.sampled_from([1, 2, 4, 8, 16]))
    offset = draw(st.integers(-receptive_field, 5))
    centre = draw(st.tuples(st.integers(-4, 4), st.integers(-4, 4)))
    return UnitPatch(Layer("layer", 8, receptive_field, stride, offset), centre)


def extent(patch: UnitPatch, unit: int, side: int) -> list[tuple[int, int]]:
    """First and last pixel + 1, along y and x, of the square of a side about a unit's patch."""
    starts = [patch_start(int(centre), side) for centre in patch.centres(np.array([unit, unit]))]
    return [(start, start + side) for start in starts]


@given(patches(), st.integers(220, 300))
def test_admissible_are_all_units_whose_source_patch_lies_in_the_frame(patch, frame_size):
    for axis, units in enumerate(patch.admissible_units(frame_size)):
        extents = [extent(patch, unit, source_side(patch.side))[axis] for unit in range(frame_size)]
        assert units.tolist() == [unit for unit, (start, end) in enumerate(extents) if start >= 0 and end <= frame_size]


@given(patches())
def test_the_patch_is_the_smallest_square_about_its_centre_that_holds_the_receptive_field(patch):
    layer = patch.layer
    first = layer.offset + 7 * layer.stride
    margins = set()
    for (start, end), inside in zip(extent(patch, 7, patch.side), patch.receptive_field, strict=True):
        assert start + inside.start == first
        assert inside.stop - inside.start == layer.receptive_field
        margins |= {first - start, end - (first + layer.receptive_field)}
    assert min(margins) == 0


@given(patches())
def test_the_source_patch_has_the_patch_in_its_middle(patch):
    inner, outer = extent(patch, 7, patch.side), extent(patch, 7, source_side(patch.side))
    for (start, end), (outer_start, outer_end) in zip(inner, outer, strict=True):
        assert start - outer_start == outer_end - end >= 0


@given(patches())
def test_a_centre_belongs_to_the_unit_it_was_taken_of(patch):
    units = np.stack([np.arange(40), np.arange(40)[::-1]], axis=1)
    np.testing.assert_array_equal(patch.units(patch.centres(units)), units)


@given(patches())
def test_a_frame_that_is_too_small_is_refused_with_the_size_it_needs(patch):
    side = source_side(patch.side)
    with pytest.raises(
        UserError, match=rf"has {patch.layer.receptive_field} pixels, .* needs {side}: .*frame_size"
    ) as refusal:
        patch.admissible_units(side - 1)
    needed = int(str(refusal.value).rsplit(" ", 1)[1])
    assert 1 in map(len, patch.admissible_units(needed))
    with pytest.raises(UserError):
        patch.admissible_units(needed - 1)
