"""Views: right size, right place, and the same for the same seed."""

import numpy as np

from model.detector.augment import letterbox, random_batch
from model.detector.recipe import load_detector_recipe


def test_a_wide_frame_fills_the_top_left_and_grey_the_rest() -> None:
    """640x360 into 416x256: 416x234 of picture, 22 rows of grey."""
    view = letterbox(np.full((360, 640, 3), 200, dtype=np.uint8), (256, 416))

    assert view.shape == (256, 416, 3)
    assert (view[:234] == 200).all()
    assert (view[234:] == 114).all()


def test_the_same_seed_draws_the_same_views_and_another_seed_others() -> None:
    frames = np.random.default_rng(1).integers(0, 255, (3, 90, 160, 3), dtype=np.uint8)
    how = load_detector_recipe().augmentation

    first, again, other = (
        random_batch(frames, 6, (64, 96), how, np.random.default_rng(seed)) for seed in (4, 4, 5)
    )

    assert first.shape == (6, 64, 96, 3)
    assert (first == again).all()
    assert (first != other).any()
