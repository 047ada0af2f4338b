"""Scenes to batches: facts follow their boxes, texts their captions, and seeds everything."""

from dataclasses import replace

import numpy as np
import pytest

from model.data.loader import CaptionEncoder, make_batch
from model.data.records import EGO, NO_OBJECT, Caption, Fact, History, Scene
from model.data.tokenizer import train_tokenizer
from service.bundle.encoder import MOTION_WIDTH

CAPTION = Caption("A car hits a person.", ((0, 5), (6, 10), (11, 19)))
OPPOSITE = Caption("A car waits for a person.", ((0, 5), (6, 15), (16, 24)))


@pytest.fixture(scope="module")
def encoder() -> CaptionEncoder:
    return CaptionEncoder(train_tokenizer([CAPTION.text, OPPOSITE.text], 200), 16)


def _scene(facts: tuple[Fact, ...]) -> Scene:
    boxes = np.array([[0.1, 0.1, 0.4, 0.5], [0.5, 0.2, 0.6, 0.6]], np.float32)
    frame = np.zeros((48, 80, 3), np.uint8)
    return Scene(frame, boxes, ("car", "person"), facts, anomalous=True, leaf_id=None)


def _fact(subject: int, object_: int) -> Fact:
    return Fact(subject, object_, "hit:car:person", (CAPTION,), (OPPOSITE,), anomalous=True)


def test_a_fact_points_at_its_boxes(encoder: CaptionEncoder) -> None:
    """Second scene, first box and the own car: the rows move by the first scene's five ROIs."""
    scenes = [_scene((_fact(0, 1),)), _scene((_fact(0, EGO), _fact(1, NO_OBJECT)))]

    batch = make_batch(scenes, encoder, np.random.default_rng(0), num_idle_pairs=0, noise=False)

    assert batch.pairs.tolist() == [[0, 1], [5, 9], [6, -1]]
    assert batch.pair_frame.tolist() == [0, 1, 1]
    assert batch.rois[9, 1:].tolist() == pytest.approx([0.2, 0.82, 0.8, 1.0])
    assert batch.polarity.tolist() == [1, 1, 1]


def test_idle_pairs_say_nothing(encoder: CaptionEncoder) -> None:
    """They come after the facts and are never the pair a fact is about, in either order."""
    batch = make_batch([_scene((_fact(0, 1),))], encoder, np.random.default_rng(0), 50, noise=False)

    idle = batch.pairs[1:].tolist()
    assert idle
    assert [0, 1] not in idle
    assert [1, 0] not in idle


def test_a_missed_box_takes_its_facts_along(encoder: CaptionEncoder) -> None:
    """Over many draws the detector noise sometimes misses one of the two."""
    counts = {
        len(make_batch([_scene((_fact(0, 1),))] * 2, encoder, np.random.default_rng(seed)).keys)
        for seed in range(200)
    }

    assert counts == {0, 1, 2}


def test_spans_pick_the_words_of_their_role(encoder: CaptionEncoder) -> None:
    """The object of `A car hits a person.` is its last two words."""
    tokens, spans = encoder([CAPTION])

    pieces = encoder.tokenizer.encode(CAPTION.text).tokens
    chosen = [
        "".join(p for p, w in zip(pieces, row, strict=False) if w > 0) for row in spans[0].numpy()
    ]
    assert [text.replace("##", "") for text in chosen] == ["acar", "hits", "aperson"]
    assert tokens.shape == (1, 16)


def test_what_is_watched_moves_and_a_still_does_not(encoder: CaptionEncoder) -> None:
    """A car that has come a tenth of the width in a second, from a camera on a mast."""
    scene = _scene((_fact(0, 1),))
    times = np.arange(-12, 1) / 10
    boxes = np.repeat(scene.xyxy[None], 13, axis=0)
    boxes[:, 1, [0, 2]] += 0.1 * times[:, None]
    watched = replace(scene, history=History(times, boxes, ego=None))
    rng = np.random.default_rng

    told = [make_batch([watched], encoder, rng(s), 0, noise=False).motion[0] for s in range(40)]
    still = make_batch([watched], encoder, rng(0), 0, noise=False, still_share=1.0)

    known = [row[8:16] for row in told if row[8] == 1]  # the object
    assert len(known) > 30  # some have only just been found
    assert np.median([row[1] for row in known]) > 0.1  # to the right
    assert all(row[-4] == 0 for row in told)  # no own car
    assert all(row[-1] == 1 for row in told)  # but somebody who watches
    assert not still.motion.any()


def test_a_scene_nobody_watched_is_a_still(encoder: CaptionEncoder) -> None:
    """One row for each pair, all of them zero."""
    batch = make_batch([_scene((_fact(0, 1),))], encoder, np.random.default_rng(0), 4, noise=False)

    assert batch.motion.shape == (len(batch.pairs), MOTION_WIDTH)
    assert not batch.motion.any()
