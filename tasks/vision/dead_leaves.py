"""Dead leaves: synthetic scenes with the statistics of natural images and without copyright.

Opaque discs occlude each other. With radii distributed as r⁻³ they give edges at every scale and an amplitude spectrum
that falls approximately as 1/f, as in photographs (Lee, Mumford & Huang 2001, Occlusion Models for Natural Images).
Colour, shading, texture and blur are ours.
"""

import numpy as np
from PIL import Image, ImageFilter

SUPERSAMPLING = 2
LEAVES = 6000
SMALLEST_RADIUS, LARGEST_RADIUS = 0.009, 0.3
"""As shares of the scene's side. 6000 leaves of these radii leave about 2 % of the scene uncovered."""


def _leaf_of_each_pixel(rng: np.random.Generator, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the topmost leaf of each pixel, int [side, side] (0: background), and all (y, x, radius), [leaves + 1, 3].

    Entry 0 of the second array is the background.
    """
    # inverse of the cumulative distribution of p(r) ∝ r⁻³ between the two radii
    low, high = SMALLEST_RADIUS**-2, LARGEST_RADIUS**-2
    radii = side / np.sqrt(low - rng.random(LEAVES) * (low - high))
    # centres may be outside the scene by the largest radius, so that leaves are as dense at the border as inside
    margin = LARGEST_RADIUS * side
    y, x = rng.uniform(-margin, side + margin, size=(2, LEAVES))
    visible = (np.minimum(y, x) > -radii) & (np.maximum(y, x) < side + radii)
    y, x, radii = y[visible], x[visible], radii[visible]
    top = np.zeros((side, side), dtype=np.int32)
    axis = np.arange(side)
    ends = (y - radii, y + radii, x - radii, x + radii)
    bounds = zip(*(np.maximum(0, end.astype(np.int64)).tolist() for end in ends), strict=True)
    for leaf, (first_y, last_y, first_x, last_x) in enumerate(bounds):
        rows, columns = slice(first_y, last_y + 1), slice(first_x, last_x + 1)
        inside = (axis[rows, None] - y[leaf]) ** 2 + (axis[columns] - x[leaf]) ** 2 <= radii[leaf] ** 2
        np.copyto(top[rows, columns], leaf + 1, where=inside)
    leaves = np.concatenate([[[side / 2, side / 2, side]], np.stack([y, x, radii], axis=1)])
    return top, leaves


def _texture(rng: np.random.Generator, side: int) -> np.ndarray:
    """Return noise of mean 0 and variance 1 whose amplitude falls as 1/f, float [side, side]."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    frequency[0, 0] = np.inf
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((side, side))) / frequency, s=(side, side))
    return noise / noise.std()


def draw_scene(seed: int, index: int, side: int) -> Image.Image:
    """Draw scene `index` of the series `seed`: RGB, side × side pixels. Equal arguments give equal pixels."""
    rng = np.random.default_rng([seed, index])
    large = side * SUPERSAMPLING
    top_yx, leaves = _leaf_of_each_pixel(rng, large)
    count = len(leaves)

    # leaves differ mostly in luminance; their hues vary around the hue of the scene, as under one light
    luminance = rng.beta(1.2, 1.2, size=(count, 1))
    scene_hue = 0.08 * rng.standard_normal(3)
    colours = luminance * (1 + scene_hue) + 0.06 * rng.standard_normal((count, 3))
    tilts = 0.15 * rng.standard_normal((count, 2))
    contrasts = 0.10 * rng.random(count) ** 2

    def of_each_pixel(values: np.ndarray) -> np.ndarray:
        return np.take(np.ascontiguousarray(values), top_yx)  # a third of the time of indexing all columns at once

    axis = np.arange(large)
    centre_y, centre_x, radius = map(of_each_pixel, leaves.T)
    tilt_y, tilt_x = map(of_each_pixel, tilts.T)
    shading = (tilt_y * (axis[:, None] - centre_y) + tilt_x * (axis - centre_x)) / radius
    shading += of_each_pixel(contrasts) * _texture(rng, large)
    pixels = np.empty((large, large, 3), dtype=np.uint8)
    for channel, colour in enumerate(colours.T):
        # in place: fresh memory for each step would take longer than the arithmetic
        light = of_each_pixel(colour)
        light += shading
        np.clip(light, 0, 1, out=light)
        light *= 255
        pixels[..., channel] = np.rint(light, out=light)

    scene = Image.fromarray(pixels).resize((side, side), Image.Resampling.BOX)
    return scene.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.8)))
