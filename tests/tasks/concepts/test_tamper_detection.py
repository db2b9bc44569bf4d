"""Trust: a clean set passes, an attacked one doesn't, and each number is what it says."""

from io import BytesIO

import numpy as np
import polars
import pytest
import torch
from PIL import Image
from skimage import data

from tasks.concepts import tamper_detection
from tasks.concepts.attack import along, attack, noise
from tasks.concepts.cav import fit_cav, layer_activations
from tasks.concepts.config import AttackConfig, CavConfig
from tasks.concepts.exemplars import ExemplarSet
from tasks.concepts.tamper_detection import (
    MAX_SPLIT_HALF_DISAGREEMENT,
    TamperDetector,
    cav_shift,
    colour_grain,
    recompressed,
    split_half_disagreement,
    tamper_tables,
)
from tasks.errors import UserError

LAYER, SIDE, COUNT = "block5", 64, 12


def cuts(name, photograph, role="random", step=16):
    """As a camera's JPEG has them; from along a photograph's diagonal."""
    buffer = BytesIO()
    Image.fromarray(photograph).save(buffer, "JPEG", quality=90)
    frame_cyx = torch.from_numpy(np.array(Image.open(buffer))).permute(2, 0, 1)
    frames = [frame_cyx[:, at : at + SIDE, at : at + SIDE] for at in range(0, COUNT * step, step)]
    return ExemplarSet(name, role, torch.stack(frames), tuple(f"{name}-{index}" for index in range(COUNT)))


@pytest.fixture(scope="module")
def cats():
    return cuts("cat", data.chelsea(), "concept")


@pytest.fixture(scope="module")
def randoms():
    return [cuts("cup", data.coffee()), cuts("astronaut", data.astronaut())]


@pytest.fixture(scope="module")
def checker(lite0, randoms):
    return TamperDetector(randoms, lite0, LAYER)


@pytest.fixture(scope="module")
def attacked(lite0, cats, randoms):
    acts = [layer_activations(lite0, LAYER, each.frames_ncyx, "mean") for each in (cats, randoms[0])]
    away = along(-fit_cav(*acts, CavConfig()).vector_d)
    return attack(lite0, LAYER, cats.frames_ncyx, away, AttackConfig(epsilon=8, steps=5))


def instead(exemplars, frames_ncyx):
    return ExemplarSet(exemplars.name, exemplars.role, frames_ncyx, exemplars.names)


def test_a_clean_set_is_trusted_and_an_attacked_one_is_not(checker, cats, attacked):
    clean = checker.check(cats)
    assert (clean.verdict, clean.trusted, clean.reasons) == ("trusted", True, [])
    told = []
    report = checker.check(instead(cats, attacked), lambda done, total: told.append(done / total))
    assert report.verdict == "not trusted"
    cav_shift_after_jpeg, _, grain = report.checks
    assert not cav_shift_after_jpeg.passed
    assert not grain.passed
    assert len(report.reasons) == sum(not check.passed for check in report.checks)
    assert report.reasons[0].startswith("CAV shift after JPEG is 0.")
    assert told == sorted(told)
    assert told[-1] == 1


def test_a_checker_gives_what_the_activations_of_all_sets_give(lite0, cats, randoms, checker, attacked):
    checker.check(instead(cats, attacked))  # leaves nothing behind
    before, after = (
        [layer_activations(lite0, LAYER, change(each.frames_ncyx), "mean") for each in (cats, *randoms)]
        for change in (torch.clone, recompressed)
    )
    cav_shift_after_jpeg, halves, _ = checker.check(cats).checks
    assert cav_shift_after_jpeg.value == cav_shift(before, after, CavConfig())
    assert halves.value == split_half_disagreement(before, after, CavConfig())


def test_tables_have_a_row_for_each_set_and_check(checker, cats, attacked):
    sets = [cats, instead(cats, attacked)]
    reports = [(each, checker.check(each)) for each in sets]
    tables = tamper_tables([*reports, reports[0]], "a", "efficientnet_lite0", LAYER, len(checker.randoms))
    assert tables["trust_analyses"].rows() == [("a", "efficientnet_lite0", LAYER, 2, 0)]
    checks = tables["trust_checks"]
    assert checks.select("trust_analysis_id", "concept_id", "check_name").is_unique().all()
    assert checks["concept_id"].unique(maintain_order=True).to_list() == [each.key for each in sets]
    trusted = checks.group_by("concept_id", maintain_order=True).agg(polars.col("passed").all())["passed"].to_list()
    assert trusted == [True, False]


def test_thresholds_are_the_largest_values_of_clean_sets_from_the_same_images(lite0, randoms, monkeypatch):
    monkeypatch.setattr(tamper_detection, "CALIBRATION_SETS", 3)
    clean = torch.cat([cuts("rocket", data.rocket()).frames_ncyx, cuts("cat", data.chelsea()).frames_ncyx])
    checker = TamperDetector(randoms, lite0, LAYER)
    assert str(checker.thresholds) == "chosen at efficientnet_lite0 block10 and inceptionv1-bvlc mixed4d"
    told = []
    checker.calibrate(clean, 8, seed=5, progress=lambda done, total: told.append(done / total))
    assert str(checker.thresholds) == "calibrated on 3 clean random sets"
    assert told[-1] == 1

    plain, values = TamperDetector(randoms, lite0, LAYER), []
    for number in range(3):
        chosen = np.random.default_rng([5, number]).permutation(len(clean))[:8]
        frames_ncyx = clean[torch.from_numpy(chosen)]
        values.append(plain.check(ExemplarSet("clean", "concept", frames_ncyx, tuple(map(str, chosen)))).checks[:2])
    shifts, disagreements = zip(*((shift.value, halves.value) for shift, halves in values), strict=True)
    assert checker.thresholds.cav_shift == pytest.approx(max(shifts), abs=1e-4)
    assert checker.thresholds.split_half_disagreement == pytest.approx(max(0, *disagreements), abs=1e-4)
    report = checker.check(cuts("gravel", np.stack([data.gravel()] * 3, axis=2), "concept"))
    assert [check.threshold for check in report.checks[:2]] == [
        checker.thresholds.cav_shift,
        checker.thresholds.split_half_disagreement,
    ]


def test_too_few_clean_images_are_refused(checker, cats):
    with pytest.raises(UserError, match=r"efficientnet_lite0 block5 .* at least 14 images .*, and there are 12: "):
        checker.calibrate(cats.frames_ncyx, 7)


def test_noise_as_large_turns_less_than_the_attack(checker, cats, attacked):
    noisy = noise(cats.frames_ncyx, AttackConfig(epsilon=8))
    by_noise, by_attack = (checker.check(instead(cats, frames_ncyx)).checks for frames_ncyx in (noisy, attacked))
    assert by_noise[0].value < by_attack[0].value / 2
    assert not by_noise[2].passed


def test_colour_grain_is_that_of_a_plain_reference():
    frame = np.random.default_rng(0).integers(0, 256, size=(8, 8, 3)).astype(np.uint8)
    pixels = frame.astype(float)
    details = [
        abs(plane[y, x] - plane[y, x + 1] - plane[y + 1, x] + plane[y + 1, x + 1]) / 2
        for plane in (pixels[..., 0] - pixels[..., 1], pixels[..., 2] - pixels[..., 1])
        for y in range(0, 8, 2)
        for x in range(0, 8, 2)
    ]
    grain = colour_grain(torch.from_numpy(frame).permute(2, 0, 1)[None])
    assert grain.item() == pytest.approx(np.mean(sorted(details)[:16]), abs=1e-4)


def test_what_has_no_colour_has_no_grain():
    grey_nyx = torch.randint(0, 256, (3, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert colour_grain(grey_nyx[:, None].expand(-1, 3, -1, -1)).tolist() == [0, 0, 0]


def test_jpeg_keeps_the_picture_and_changes_pixels(cats):
    after = recompressed(cats.frames_ncyx)
    change = (after.float() - cats.frames_ncyx.float()).abs()
    assert after.dtype == torch.uint8
    assert after.shape == cats.frames_ncyx.shape
    assert 0 < change.mean() < 10


def rows(shift_d, seed):
    return torch.randn(COUNT, 5, generator=torch.Generator().manual_seed(seed)) + torch.tensor(shift_d)


def test_a_vector_that_stays_is_not_turned_and_one_that_is_reversed_is_turned_by_two():
    config = CavConfig(classifier="mean-difference")
    concept_nd, random_nd = rows([9.0, 0, 0, 0, 0], 0), rows([0.0, 0, 0, 0, 0], 1)
    same = [concept_nd, random_nd, random_nd + 1e-3]
    assert cav_shift(same, same, config) == pytest.approx(0, abs=1e-6)
    assert cav_shift([concept_nd, random_nd], [random_nd, concept_nd], config) == pytest.approx(2, abs=1e-5)


def test_a_set_is_divided_where_the_change_undoes_what_was_done_to_half_of_it():
    config = CavConfig(classifier="mean-difference")
    whole, random_nd = rows([9.0, 0, 0, 0, 0], 0), rows([0.0, 0, 0, 0, 0], 1)
    after = [whole + 1e-3, random_nd]
    pushed = whole.clone()
    pushed[1::2] += torch.tensor([0.0, 40, 0, 0, 0])
    assert split_half_disagreement([whole, random_nd], after, config) == pytest.approx(0, abs=1e-3)
    # halves 9 to the right, one of them 40 up as well: they agree by about 9 / √(9² + 40²), and once healed by about 1
    assert split_half_disagreement([pushed, random_nd], after, config) == pytest.approx(
        1 - 9 / np.hypot(9, 40), abs=0.1
    )


def test_a_set_of_two_kinds_is_not_divided_by_a_change_that_keeps_them():
    random_nd = rows([0.0, 0, 0, 0, 0], 1)
    kinds = rows([9.0, 0, 0, 0, 0], 0)
    kinds[1::2] += torch.tensor([0.0, 40, 0, 0, 0])
    changed = kinds + 0.1 * rows([0.0, 0, 0, 0, 0], 2)
    assert (
        abs(split_half_disagreement([kinds, random_nd], [changed, random_nd], CavConfig()))
        < MAX_SPLIT_HALF_DISAGREEMENT
    )


def test_what_can_not_be_checked_says_so(lite0, cats, checker):
    few = ExemplarSet("few", "concept", cats.frames_ncyx[:7], cats.names[:7])
    with pytest.raises(UserError, match="few has 7 exemplars, too few to be halved: give 8 or more"):
        checker.check(few)
    with pytest.raises(UserError, match="no random set to compare with"):
        TamperDetector([], lite0, LAYER)
    with pytest.raises(UserError, match="sets cup and cup share an image"):
        TamperDetector([checker.randoms[0]] * 2, lite0, LAYER)
    with pytest.raises(UserError, match="sets cup and cup share an image"):
        checker.check(checker.randoms[0])
