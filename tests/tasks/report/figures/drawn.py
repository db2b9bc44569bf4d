"""What a figure shows: its pixels and its texts."""

import io

import matplotlib.text
import numpy as np
from PIL import Image


def picture(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return np.asarray(Image.open(file).convert("RGB"))


def texts(figure):
    return " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))
