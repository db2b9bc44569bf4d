"""The figure of an image's features: the image, and for each feature where it fires."""

from typing import TYPE_CHECKING

import numpy as np

from tasks.report.figures.style import SOFT, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tasks.dictionary.image_features import ImageFeatures

ACROSS = 4
FADED = 0.55
"""Brightness of the grey image behind the features."""
FIRING = np.array([0.95, 0.52, 0.2])


def features_figure(image: "ImageFeatures", count: int, title: str) -> "Figure":
    """Draw the image and its `count` strongest features, in orange where a feature fires.

    A circle with the diameter of the receptive field marks each feature's maximum.
    """
    from matplotlib.patches import Circle

    strongest = image.strongest(count)
    panels = len(strongest) + 1
    columns = min(ACROSS, panels)
    rows = -(-panels // columns)
    picture = image.frame_cyx.permute(1, 2, 0).numpy()
    side = picture.shape[0]
    grey = np.repeat(picture.mean(2, keepdims=True) / 255, 3, axis=2)
    with figure_style():
        figure, grid = new_figure(2.5 * columns, 2.75 * rows + 0.4, rows=rows, columns=columns, share=True)
        for axes in grid:
            axes.set_axis_off()
        grid[0].imshow(picture, extent=(0, side, side, 0))
        grid[0].set_title("image", fontsize=9)
        for axes, row in zip(grid[1:], strongest.iter_rows(named=True), strict=False):
            code_yx = _at_pixels(image.codes_mpp[row["feature"]].numpy() / row["activation"], image.centres_2p, side)
            # the square root keeps weak responses visible
            cover_yx1 = 0.9 * np.sqrt(code_yx)[..., None]
            axes.imshow((1 - cover_yx1) * FADED * grey + cover_yx1 * FIRING, extent=(0, side, side, 0))
            radius = image.layer.receptive_field / 2
            axes.add_patch(Circle((row["x"], row["y"]), radius, fill=False, edgecolor="white", linewidth=1.4))
            axes.set_title(f"feature {row['feature']}   {row['activation']:.3g}", fontsize=9)
        figure.suptitle(title, x=0.02, ha="left", fontsize=10, color=SOFT)
    return figure


def _at_pixels(code_pp: np.ndarray, centres_2p: np.ndarray, side: int) -> np.ndarray:
    """Return the code of the nearest position for every pixel, [side, side]; 0 more than a stride from any position."""
    pixels = np.arange(side) + 0.5
    stride = centres_2p[0][1] - centres_2p[0][0] if len(code_pp) > 1 else side
    distances = [np.abs(pixels[:, None] - centres_p[None]) for centres_p in centres_2p]
    row, column = (distance.argmin(1) for distance in distances)
    row_covered, column_covered = (distance.min(1) <= stride for distance in distances)
    return np.where(row_covered[:, None] & column_covered[None], code_pp[row][:, column], 0)
