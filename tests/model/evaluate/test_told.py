"""What is told of a labelled stretch, on clips short enough to follow by eye."""

import numpy as np
import pytest

from knowledge.hierarchy import load_hierarchy
from model.evaluate.auc import LabelledScores
from model.evaluate.told import kind_figures, loudest, told_together
from service.scoring.telling import Voice

VOICES = [
    Voice("a.before", 9.0, 9.0),  # not labelled
    Voice("a.early", 9.0, 2.0),  # more than three time constants before the peak
    Voice("a.hit", 1.0, 2.0),
    Voice("a.flip", 1.5, 5.0),
    Voice("a.hit", 1.0, 3.0),  # the peak
    Voice("a.late", 9.0, 2.0),
]


def clip() -> LabelledScores:
    """With a time constant of 0.7 s frames count from 2.1 s before the peak to 1.4 s after it."""
    times = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 6.0])
    scores = np.array([9.0, 1.0, 2.0, 3.0, 4.0, 3.5])
    return LabelledScores("clip", times, times / 5, times >= 1, scores)


def test_the_labelled_frames_before_the_peak_tell_it_together() -> None:
    """1.0 + 1.0 for the hit against 1.5; nobody else is asked."""
    assert told_together(clip(), VOICES, smoothing_s=0.7) == "a.hit"


def test_frames_shortly_after_the_peak_are_asked_too() -> None:
    """A time constant of two seconds: the frame two seconds after the peak, and it is surest."""
    voices = [VOICES[0], VOICES[2], *VOICES[2:]]

    assert told_together(clip(), voices, smoothing_s=1.99) == "a.hit"
    assert told_together(clip(), voices, smoothing_s=2.0) == "a.late"


def test_voices_after_the_last_scored_frame_are_left_out() -> None:
    """A replay is analysed and not scored."""
    replay = [Voice("a.replay", 9.0, 9.0)] * 3

    assert told_together(clip(), VOICES + replay, smoothing_s=0.7) == "a.hit"


def test_any_code_of_a_clip_is_right_and_the_best_leaf_for_all_is_a_control() -> None:
    """Of three clips two are told rightly; a fallen motorcycle (TC, LA, OO) fits all three."""
    side, flip = "a.vv.tc.t_bone", "a.oo.rollover"  # TC; OO or UK
    codes = [("TC",), ("VO", "OO"), (), ("TC",)]
    told = {
        "told": [[side, flip, side, ""]],
        "other": [[flip, side, "", flip]],
        "two of them": [[side, flip, side, side], [side, side, "", flip]],
    }

    rows = kind_figures(told, codes, load_hierarchy().flat)

    assert [(row.name, row.clips, row.right) for row in rows] == [
        ("told", 3, 2),
        ("other", 3, 0),
        ("two of them", 3, 2.0),  # three and one
        ("control: always a.vv.motorcycle_fall", 3, 3),
    ]
    assert rows[1].interval[0] == pytest.approx(0.0)
    assert rows[0].interval[0] < 2 / 3 < rows[0].interval[1]
    assert rows[2].interval == (0.0, 1.0)  # over clips and versions: 1, 1, 1 and 1, 0, 0


def test_what_a_part_of_the_evidence_names_alone() -> None:
    """Its strongest leaf; nothing where none can speak, and no vote where it speaks against."""
    leaves = ("a.hit", "a.flip")

    assert loudest(np.array([0.5, 2.0]), leaves, 1.0) == Voice("a.flip", 2.0, 1.0)
    assert loudest(np.array([-0.5, -2.0]), leaves, 1.0) == Voice("a.hit", 0.0, 1.0)
    assert loudest(np.full(2, -np.inf), leaves, 1.0) == Voice("", 0.0, 1.0)


def test_without_codes_there_is_nothing_to_compare() -> None:
    """Own clips of a user have none."""
    assert kind_figures({"told": [["a.oo.rollover"]]}, [()], load_hierarchy().flat) == ()
