import numpy as np

from tasks.vision.dead_leaves import draw_scene


def spectral_slope(scenes: list[np.ndarray]) -> float:
    """Slope of log amplitude over log frequency, 4 to 40 cycles a side, mean over scenes and directions."""
    side = scenes[0].shape[0]
    window = np.outer(np.hanning(side), np.hanning(side))
    power = np.zeros((side, side))
    for scene in scenes:
        grey = scene.mean(axis=2)
        power += np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2
    cycles = np.fft.fftfreq(side, 1 / side)
    radius = np.hypot(cycles[:, None], cycles[None, :]).round().astype(int).ravel()
    amplitude = np.sqrt(np.bincount(radius, power.ravel()) / np.bincount(radius))
    frequencies = np.arange(4, 41)
    return np.polyfit(np.log(frequencies), np.log(amplitude[frequencies]), 1)[0]


def test_amplitude_falls_about_as_one_over_frequency():
    slope = spectral_slope([np.asarray(draw_scene(0, index, 256), dtype=float) for index in range(6)])
    assert -1.4 < slope < -0.8
    # The measure tells: white noise is flat.
    noise = np.random.default_rng(0).uniform(size=(6, 256, 256, 3))
    assert abs(spectral_slope(list(noise))) < 0.1


def test_a_scene_follows_from_seed_and_number_and_differs_from_every_other():
    scene = np.asarray(draw_scene(3, 1, 64))
    assert scene.shape == (64, 64, 3)
    np.testing.assert_array_equal(scene, draw_scene(3, 1, 64))
    assert not np.array_equal(scene, draw_scene(3, 2, 64))
    assert not np.array_equal(scene, draw_scene(4, 1, 64))


def test_scenes_use_the_whole_range_of_light():
    scene = np.asarray(draw_scene(0, 0, 128)).mean(axis=2)
    assert np.percentile(scene, 5) < 60
    assert np.percentile(scene, 95) > 190
