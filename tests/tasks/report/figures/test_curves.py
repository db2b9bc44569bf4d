import numpy as np
import pytest

from tasks.report.figures.curves import detector_sheet, detectors_polar, orientation_colour
from tests.tasks.report.figures.drawn import picture, texts
from tests.tasks.tuning.test_radial import von_mises


def test_all_detectors_stand_on_one_circle_at_their_peaks_and_in_their_colours():
    neurons = np.stack([von_mises(peak, 5) * gain for peak, gain in ((0, 3), (90, 1), (200, 9))])
    features = np.stack([von_mises(peak, 5) for peak in range(0, 360, 10)])
    figure = detectors_polar({"neurons": neurons, "features": features}, "mixed3b")
    left, right = figure.axes
    dots = [line for line in left.lines if line.get_marker() == "o"]
    assert [np.degrees(dot.get_xdata()[0]) for dot in dots] == pytest.approx([0, 90, 200], abs=0.01)
    assert [dot.get_color() for dot in dots] == [orientation_colour(peak) for peak in (0, 90, 200)]
    # every curve is drawn over its own maximum
    assert [line.get_ydata().max() for line in left.lines if line.get_marker() == "None"][:3] == [1, 1, 1]
    said = texts(figure)
    assert "3 detectors" in said
    assert "largest gap 160°" in said
    assert "36 detectors    100% of orientations covered    largest gap 10°" in said
    assert len(left.patches) - len(neurons) == 3  # grey where nobody reaches half
    assert len(right.patches) == len(features)
    assert picture(figure).std() > 5


def test_a_circle_without_detectors_says_so():
    figure = detectors_polar({"neurons": np.zeros((0, 90))}, "conv2d0")
    assert "0 detectors    0% of orientations covered    largest gap 360°" in texts(figure)
    picture(figure)


def test_colours_go_around_with_the_orientation():
    np.testing.assert_allclose(orientation_colour(0), orientation_colour(360))
    colours = np.array([orientation_colour(degrees) for degrees in range(0, 360, 30)])
    assert len(np.unique(colours.round(3), axis=0)) == 12


def test_a_sheet_shows_curves_stimuli_and_patches():
    curve = von_mises(84, 5)
    curves = {"arc": curve, "arc dark line": 1.2 * curve, "arc light fill": 0.8 * curve}
    stimuli = np.random.default_rng(0).random((4, 3, 9, 9))
    patches = np.random.default_rng(1).integers(0, 256, (8, 3, 9, 9), dtype=np.uint8)
    figure = detector_sheet("neuron 66", curves, stimuli, patches)
    plot, *shown = figure.axes
    assert [line.get_label() for line in plot.lines] == ["dark line", "light fill", "mean"]
    np.testing.assert_allclose(plot.lines[2].get_ydata()[:-1], curves["arc"])
    assert [len(axes.images) for axes in shown] == [1] * (4 + 6)
    np.testing.assert_array_equal(shown[4].images[0].get_array(), patches[0].transpose(1, 2, 0))
    assert "arcs at the peak, 84°" in texts(figure)
    picture(figure)
    without = detector_sheet("feature 3", curves, stimuli, patches[:0])
    assert len(without.axes) == 1 + 4
    picture(without)
