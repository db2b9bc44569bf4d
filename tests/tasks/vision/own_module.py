"""Modules that a user might bring, for `module:tests.tasks.vision.own_module.NAME`."""

import torch
from torch import nn


def small(classes: int = 5) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, classes),
    )


class Gate(nn.Module):
    """Squeeze and excitation without parameters."""

    def forward(self, x):
        return x * x.mean((2, 3), keepdim=True).sigmoid()


def gated() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1),
        Gate(),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 5),
    )


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.Conv2d(3, 4, 3), Deciding())

    def forward(self, images):
        return self.gate(images).mean((2, 3))


class Deciding(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


class Many(nn.Module):
    def forward(self, images):
        return {"logits": images.mean((2, 3)), "images": torch.relu(images)}


def nothing() -> None:
    """Return no module."""
