"""Small exemplar sets cut from photographs, and helpers for the tests of perturbed sets and of their evaluation."""

import torch

from tasks.concepts.cav import layer_activations
from tasks.concepts.config import CavConfig
from tasks.concepts.exemplars import ExemplarSet

LAYER, TABBY, SIDE = "block9", "tabby", 64
PLAIN = CavConfig(classifier="mean-difference")


def crops(name, role, photograph, count=5, step=30):
    """Squares from along a photograph's diagonal."""
    frame_cyx = torch.from_numpy(photograph).permute(2, 0, 1)
    places = range(0, step * count, step)
    frames = torch.stack([frame_cyx[:, at : at + SIDE, at : at + SIDE] for at in places])
    return ExemplarSet(name, role, frames, tuple(f"{name}/{at}.JPEG" for at in places))


def named(sets, attack, perturbed_set="concept", epsilon=8, fraction=1.0):
    [found] = [one for one in sets if tuple(one.identity.values()) == (perturbed_set, attack, epsilon, fraction)]
    return found


def pooled(at, images):
    return layer_activations(at.network, at.layer, images.frames_ncyx, "mean")
