"""Attacks: what they may never do to an image, what they do to the activations, and that their controls are fair."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError
from skimage import data
from skimage.metrics import peak_signal_noise_ratio
from torch import nn

from tasks.concepts import attack as module
from tasks.concepts.attack import (
    along,
    attack,
    away_from,
    class_direction,
    largest_change,
    mirrored,
    noise,
    perceptual_distance,
    poisoned,
    psnr,
    random_direction,
    towards,
)
from tasks.concepts.cav import layer_activations, split
from tasks.concepts.config import AttackConfig, CavConfig
from tasks.concepts.tcav import class_gradients
from tasks.errors import UserError

EARLY, DEEP = "stem", "block3"
SHORT = AttackConfig(epsilon=8, steps=5)


def crops(photograph, count, side=64):
    """uint8 [count, 3, side, side] from along a photograph's diagonal."""
    frame_cyx = torch.from_numpy(photograph).permute(2, 0, 1)
    return torch.stack([frame_cyx[:, at : at + side, at : at + side] for at in range(0, 40 * count, 40)])


@pytest.fixture(scope="module")
def cats():
    return crops(data.chelsea(), 4)


@pytest.fixture(scope="module")
def cups():
    return crops(data.coffee(), 4)


def pooled(network, frames, layer=DEEP):
    return layer_activations(network, layer, frames, "mean")


def value(network, frames, objective, layer=DEEP):
    """What an objective is for 8-bit frames, [n]."""
    with torch.no_grad():
        return objective(network.activations(frames.float() / 255, layer))


@hypothesis_settings(max_examples=25)
@given(
    epsilon=st.integers(1, 255),
    step_size=st.none() | st.floats(0.01, 300),
    random_start=st.booleans(),
    kind=st.sampled_from(["black", "white", "both", "any"]),
    seed=st.integers(0, 99),
)
def test_nothing_leaves_the_ball_or_eight_bits(lite0, epsilon, step_size, random_start, kind, seed):
    generator = torch.Generator().manual_seed(seed)
    frames = torch.randint(0, 256, (3, 3, 16, 16), generator=generator, dtype=torch.uint8)
    frames = {"black": frames * 0, "white": frames * 0 + 255, "both": frames // 128 * 255, "any": frames}[kind]
    config = AttackConfig(epsilon=epsilon, steps=2, step_size=step_size, random_start=random_start, seed=seed)
    for changed in (attack(lite0, EARLY, frames, along(random_direction(32, seed)), config), noise(frames, config)):
        assert changed.dtype == torch.uint8
        assert changed.shape == frames.shape
        assert (changed.int() - frames.int()).abs().max() <= epsilon
        assert largest_change(frames, changed).max() <= epsilon


def looped_attack(network, layer, frames, objective, config):
    """One frame and one value at a time."""
    attacked = np.empty(frames.shape, dtype=np.uint8)
    for number, frame in enumerate(frames.numpy()):
        values = {place: float(value) for place, value in np.ndenumerate(frame)}
        for _ in range(config.steps):
            image = torch.empty(1, *frame.shape)
            for place, now in values.items():
                image[0][place] = now
            image.requires_grad_()
            objective(network.activations(image / 255, layer)).sum().backward()
            for place, now in values.items():
                slope = image.grad[0][place].item()
                moved = now + config.step * ((slope > 0) - (slope < 0))
                moved = min(max(moved, int(frame[place]) - config.epsilon), int(frame[place]) + config.epsilon)
                values[place] = min(max(moved, 0.0), 255.0)
        for place, now in values.items():
            attacked[number][place] = round(now)
    return torch.from_numpy(attacked)


@pytest.mark.parametrize(
    "config", [AttackConfig(epsilon=6, steps=1), AttackConfig(epsilon=2, steps=3, step_size=1.25)], ids=["one", "three"]
)
def test_steps_are_those_of_a_plain_loop(lite0, cats, config):
    frames, objective = cats[:2, :, :12, :12].contiguous(), along(random_direction(32, 1))
    found, looped = (
        attack(lite0, EARLY, frames, objective, config),
        looped_attack(lite0, EARLY, frames, objective, config),
    )
    assert (found != frames).float().mean() > 0.5
    assert (found == looped).float().mean() > 0.999  # a slope of nearly nothing may have either sign


def test_the_gradient_is_that_of_the_eight_bit_values(lite0, cats):
    """One step raises a pixel where the objective is larger with that pixel raised."""
    frames, objective = cats[:1, :, :9, :9].contiguous(), along(random_direction(32, 1))
    stepped = attack(lite0, EARLY, frames, objective, AttackConfig(epsilon=1, steps=1)).int() - frames.int()
    for place in ((0, 4, 4), (1, 2, 6), (2, 7, 3)):
        up, down = frames.clone(), frames.clone()
        up[0][place] += 1
        down[0][place] -= 1
        rise = value(lite0, up, objective, EARLY) - value(lite0, down, objective, EARLY)
        assert stepped[0][place] == rise.sign()


def objectives(network, cats, cups):
    """Name -> what to maximise on the cats."""
    mean, target = pooled(network, cats).mean(0), pooled(network, cups).mean(0)
    whole = layer_activations(network, DEEP, cups, "none").mean(0)
    return {
        "away from the mean": away_from(mean),
        "towards a mean": towards(target),
        "along": along(target - mean),
        "against": along(mean - target),
        "along a random direction": along(random_direction(len(mean), 0)),
        "whole, towards a mean": towards(whole),
        "whole, along": along(random_direction(len(whole), 0)),
    }


def test_the_eight_bit_frames_raise_every_objective_far_above_noise(lite0, cats, cups):
    for name, objective in objectives(lite0, cats, cups).items():
        clean, noisy, attacked = (
            value(lite0, frames, objective)
            for frames in (cats, noise(cats, SHORT), attack(lite0, DEEP, cats, objective, SHORT))
        )
        assert (attacked - clean > 3 * (noisy - clean).abs()).all(), name


def test_tokens_reach_another_concepts_mean(lite0, cats, cups):
    target = pooled(lite0, cups).mean(0)
    attacked = attack(lite0, DEEP, cats, towards(target), AttackConfig(epsilon=8, steps=10))
    way = (pooled(lite0, cats).mean(0) - target).norm()
    assert (pooled(lite0, attacked).mean(0) - target).norm() < way * 0.6
    assert (pooled(lite0, noise(cats, SHORT)).mean(0) - target).norm() > way * 0.8


def test_a_saved_frame_is_the_one_that_was_scored(lite0, cats, cups, tmp_path):
    objective = towards(pooled(lite0, cups).mean(0))
    attacked = attack(lite0, DEEP, cats, objective, SHORT)
    Image.fromarray(attacked[0].permute(1, 2, 0).numpy()).save(tmp_path / "0.png")
    read = torch.from_numpy(np.array(Image.open(tmp_path / "0.png"))).permute(2, 0, 1)[None]
    assert torch.equal(read, attacked[:1])
    torch.testing.assert_close(value(lite0, read, objective), value(lite0, attacked, objective)[:1], rtol=1e-4, atol=0)


def test_the_class_direction_is_where_the_logit_rises(lite0, cats):
    layer, tabby = "block9", 281
    gradients = class_gradients(lite0, layer, tabby, cats)
    for pool in ("mean", "none"):
        direction = class_direction(gradients, pool)
        assert direction.norm() == pytest.approx(1, abs=1e-5)
        logits = {}
        for sign in (-1, 1):
            attacked = attack(lite0, layer, cats, along(sign * direction), AttackConfig(epsilon=4, steps=3))
            logits[sign] = lite0.logits(attacked.float() / 255)[:, tabby].mean()
        clean = lite0.logits(cats.float() / 255)[:, tabby].mean()
        assert logits[-1] < clean - 0.5
        assert logits[1] > clean + 0.5


def test_the_pooled_class_direction_is_the_slope_of_a_shift_at_every_position():
    gradients = torch.randn(5, 7, 3, 4, generator=torch.Generator().manual_seed(0))
    slopes = [sum(gradients[n, c].sum().item() for n in range(5)) for c in range(7)]
    expected = torch.tensor(slopes) / math.hypot(*slopes)
    torch.testing.assert_close(class_direction(gradients, "mean"), expected)


def test_the_random_set_turns_the_cav_though_no_exemplar_is_touched(lite0, cats, cups):
    bricks = crops(data.rocket(), 4)
    concept, random, target = (pooled(lite0, frames).mean(0) for frames in (cats, bricks, cups))
    goal = mirrored(target, concept, random)
    torch.testing.assert_close(concept - goal, target - random)
    config = AttackConfig(epsilon=8, steps=10)
    cosines = {
        name: F.cosine_similarity(concept - pooled(lite0, frames).mean(0), target - random, dim=0)
        for name, frames in {
            "clean": bricks,
            "noise": noise(bricks, config),
            "attacked": attack(lite0, DEEP, bricks, towards(goal), config),
        }.items()
    }
    assert cosines["attacked"] > cosines["clean"] + 0.2
    assert cosines["noise"] < cosines["clean"] + 0.1


@pytest.mark.parametrize("fraction", [0.01, 0.25, 0.5, 1.0])
def test_only_the_poisoned_fraction_is_touched(lite0, cats, fraction):
    frames = torch.cat([cats, cats.flip(3)])[..., :16, :16].contiguous()
    config = AttackConfig(steps=1, poisoned_fraction=fraction, seed=3)
    chosen = poisoned(8, config)
    assert len(chosen) == max(1, 8 * fraction)
    for changed in (attack(lite0, EARLY, frames, along(random_direction(32, 0)), config), noise(frames, config)):
        assert largest_change(frames, changed).nonzero()[:, 0].tolist() == chosen.tolist()


def test_a_larger_fraction_takes_the_same_frames_and_more():
    chosen = [
        set(poisoned(40, AttackConfig(poisoned_fraction=share, seed=5)).tolist()) for share in (0.1, 0.25, 0.5, 1)
    ]
    assert [len(frames) for frames in chosen] == [4, 10, 20, 40]
    assert all(few < more for few, more in pairwise(chosen))
    assert chosen[0] != set(poisoned(40, AttackConfig(poisoned_fraction=0.1, seed=6)).tolist())


@pytest.mark.parametrize("seed", [0, 1, 5])
def test_what_is_poisoned_is_no_more_often_held_out_than_by_chance(seed):
    held_out = split(400, CavConfig(held_out=0.25, seed=seed))[1].tolist()
    chosen = poisoned(400, AttackConfig(poisoned_fraction=0.25, seed=seed)).tolist()
    assert 10 < len({*held_out} & {*chosen}) < 40  # 25 are expected


def test_equal_seeds_give_equal_bits(lite0, cats):
    config = SHORT.model_copy(update={"steps": 2, "random_start": True, "poisoned_fraction": 0.5})
    objective = along(random_direction(32, 0))
    first, again, other = (
        (attack(lite0, EARLY, cats, objective, one), noise(cats, one))
        for one in (config, config, config.model_copy(update={"seed": 1}))
    )
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert not any(torch.equal(*pair) for pair in zip(first, other, strict=True))


def test_frames_are_attacked_each_on_its_own(lite0, cats, monkeypatch):
    objective = along(random_direction(40, 0))
    together = attack(lite0, DEEP, cats, objective, SHORT)
    monkeypatch.setattr(module, "FRAMES_AT_ONCE", 3)
    steps = []
    in_batches = attack(lite0, DEEP, cats, objective, SHORT, lambda done, total: steps.append((done, total)))
    assert (together == in_batches).float().mean() > 0.98  # a slope of nearly nothing may have either sign
    assert steps == [(done, 20) for done in (3, 6, 9, 12, 15, 16, 17, 18, 19, 20)]


def test_the_network_runs_no_further_than_the_layer_and_the_input_is_left_alone(lite0, cats):
    before = cats.clone()
    ran = []
    hooks = [
        part.register_forward_hook(lambda *_: ran.append("classifier"))
        for part in lite0.module.modules()
        if isinstance(part, nn.Linear)
    ]
    attack(lite0, EARLY, cats, along(random_direction(32, 0)), SHORT)
    assert hooks
    assert not ran
    for hook in hooks:
        hook.remove()
    assert torch.equal(cats, before)


def test_noise_changes_every_value_by_epsilon_where_there_is_room(cats):
    frames = cats.clamp(8, 247)
    change = noise(frames, SHORT).int() - frames.int()
    assert (change.abs() == 8).all()
    assert abs(change.float().mean()) < 0.1


def test_random_directions_are_unit_and_by_seed():
    directions = torch.stack([random_direction(400, seed) for seed in range(20)])
    torch.testing.assert_close(directions.norm(dim=1), torch.ones(20))
    assert (directions @ directions.T - torch.eye(20)).abs().max() < 0.25
    assert torch.equal(directions[3], random_direction(400, 3))


def test_psnr_is_scikit_images(cats, cups):
    changed = torch.stack([noise(cats, SHORT)[0], cups[1], cats[2], cats[3]])
    changed[3, 0, 0, 0] ^= 1
    for mine, clean, other in zip(psnr(cats, changed), cats.numpy(), changed.numpy(), strict=True):
        with np.errstate(divide="ignore"):
            assert mine.item() == pytest.approx(peak_signal_noise_ratio(clean, other, data_range=255))
    assert psnr(cats, changed)[2] == math.inf
    assert largest_change(cats, changed).tolist()[2:] == [0, 1]


def test_perceptual_distance_is_that_of_a_plain_loop(lite0, cats, cups):
    layers = (EARLY, DEEP)
    [found] = perceptual_distance(lite0, layers, cats[:1], cups[:1])
    of_layers = []
    for layer in layers:
        one, other = (
            lite0.activations(frames[:1].float() / 255, layer)[0].double().flatten(1).T.numpy()
            for frames in (cats, cups)
        )
        of_layers.append(
            np.mean(
                [np.sum((a / np.linalg.norm(a) - b / np.linalg.norm(b)) ** 2) for a, b in zip(one, other, strict=True)]
            )
        )
    assert found.item() == pytest.approx(np.mean(of_layers), rel=1e-4)


def test_perceptual_distance_grows_with_epsilon_from_nothing(lite0, cats, cups, monkeypatch):
    monkeypatch.setattr(module, "FRAMES_AT_ONCE", 3)
    steps = []
    distances = [
        perceptual_distance(lite0, (EARLY, DEEP), cats, changed, lambda done, total: steps.append((done, total)))
        for changed in (cats, *(noise(cats, AttackConfig(epsilon=epsilon)) for epsilon in (1, 4, 16)), cups)
    ]
    assert distances[0].tolist() == [0] * 4
    assert all((less < more).all() for less, more in pairwise(distances))
    assert distances[-1].max() <= 4
    assert steps[:2] == [(3, 4), (4, 4)]


@pytest.mark.parametrize(
    ("field", "wrong", "message"),
    [
        ("epsilon", 0, "0 leaves every image as it is; give 1 to 255, in steps of 1/255"),
        ("epsilon", 0.0, "0 leaves every image as it is; give 1 to 255, in steps of 1/255"),
        ("epsilon", 8 / 255, "valid integer"),
        ("epsilon", 256, "less than or equal to 255"),
        ("poisoned_fraction", 0, "greater than 0"),
        ("step_size", 0, "greater than 0"),
    ],
)
def test_a_wrong_config_is_refused_in_one_line(field, wrong, message):
    with pytest.raises(ValidationError) as raised:
        AttackConfig(**{field: wrong})
    [error] = raised.value.errors()
    assert error["loc"] == (field,)
    assert message in error["msg"]
    assert "\n" not in error["msg"]


def test_the_steps_together_cross_the_ball_unless_told_otherwise():
    assert AttackConfig(epsilon=8, steps=10).step == 2
    assert AttackConfig(epsilon=1, steps=20).step == 0.125
    assert AttackConfig(step_size=0.5).step == 0.5


def test_a_vector_of_another_layer_is_refused(lite0, cats):
    with pytest.raises(ValueError, match=r"a vector of 33 fits no activations of shape \[32, 32, 32\]"):
        attack(lite0, EARLY, cats, along(torch.ones(33)), SHORT)


def test_an_unknown_layer_names_the_candidates(lite0, cats):
    with pytest.raises(UserError, match="no layer 'mixed4d'"):
        attack(lite0, "mixed4d", cats, along(torch.ones(528)), SHORT)
