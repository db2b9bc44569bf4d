"""Photographs of the benchmark's tests: drawn patterns, a folder for each."""

from pathlib import Path

from PIL import Image

from tasks.concepts.synthetic_patterns import PATTERNS, draw_pattern

OF_CLASS = 6


def write_labelled(folder: Path, classes: int = 3) -> Path:
    """Write `OF_CLASS` pictures of each class; the folders' names begin with a WordNet id, as ImageNet's do."""
    for number, pattern in enumerate(PATTERNS[:classes]):
        (folder / f"n0000000{number}_{pattern}").mkdir(parents=True)
        for index in range(OF_CLASS):
            pixels_yxc = draw_pattern(pattern, 7, index, 96).permute(1, 2, 0).numpy()
            Image.fromarray(pixels_yxc).save(folder / f"n0000000{number}_{pattern}" / f"{index}.png")
    return folder
